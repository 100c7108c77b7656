import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";
import { projectFolder } from "../../support/processes.js";

/** Statements that load another module at once; `import type` and `import()` do not. */
const loading = /^(?:import|export) (?!type\b)(?:[^;"']*? from )?["']([^"']+)["'];/gm;

/** What is loaded before the first line of a module runs: packages, and files of src by their path. */
function loadedWith(file: string, seen = new Set<string>()): ReadonlySet<string> {
  seen.add(relative(projectFolder, file));
  for (const [, name = ""] of readFileSync(file, "utf8").matchAll(loading)) {
    const source = join(dirname(file), name.replace(/\.js$/, ".ts"));
    if (!name.startsWith(".")) seen.add(name);
    else if (!seen.has(relative(projectFolder, source)) && existsSync(source)) loadedWith(source, seen);
  }
  return seen;
}

const packagesOf = (entry: string): string[] =>
  [...loadedWith(join(projectFolder, "src", entry))].filter((name) => !/^(node:|src\/)/.test(name)).sort();

it("`coxswain --help` and a mistyped command answer immediately: no tokenizer, gRPC or ONNX Runtime is loaded", () => {
  expect(packagesOf("cli/start.ts")).toEqual(["commander", "picocolors"]);
  // That the search finds them where they are.
  expect(packagesOf("library/conduct-run.ts")).toEqual(expect.arrayContaining(["@grpc/grpc-js", "pino", "zod"]));
});

it("the library's entry loads no package: what a function needs is loaded when it is called", () => {
  expect(packagesOf("index.ts")).toEqual([]);
});
