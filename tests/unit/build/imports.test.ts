import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { projectFolder } from "../../support/processes.js";

/** What each module of src imports from src, types included. */
function importsOf(file: string, files: ReadonlySet<string>): readonly string[] {
  const text = readFileSync(join(projectFolder, file), "utf8");
  return [...text.matchAll(/ from "(\.[^"]+)"/g)]
    .map(([, path]) => join(dirname(file), path!.replace(/\.js$/, ".ts")))
    .filter((path) => files.has(path));
}

/** Modules that import each other, directly or through others. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(" -> "));
    if (start >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

// The linter's own rule leaves out imports of types.
it("no two modules import from each other, not even types", () => {
  const files = new Set(
    readdirSync(join(projectFolder, "src"), { recursive: true, encoding: "utf8" })
      .map((path) => join("src", path))
      .filter((path) => path.endsWith(".ts") && !path.includes("generated")),
  );
  expect(files.size).toBeGreaterThan(400);
  expect(cycles(new Map([...files].map((file) => [file, importsOf(file, files)])))).toEqual([]);
});

it("a cycle would be found", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c"]],
    ["c", ["b"]],
  ]);
  expect(cycles(graph)).toEqual(["b -> c -> b"]);
});
