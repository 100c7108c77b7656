/** Who has no NATS server needs nothing of its package: no module outside of src/nats loads it, or that folder, at once. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectFolder } from "../../support/processes.js";

const files = readdirSync(join(projectFolder, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, source: readFileSync(join(projectFolder, "src", file), "utf8") }));
/** Statements that load at once; `import type` and `import()` do not. */
const loads = (source: string, what: RegExp): boolean =>
  [...source.matchAll(/^(?:import|export) (?!type\b)(?:[^;"']*? from )?["']([^"']+)["'];/gm)].some(([, name]) =>
    what.test(name!),
  );

it("only src/nats imports the package", () => {
  const known = files.filter(({ source }) => loads(source, /^nats$/)).map(({ file }) => file);
  expect(known.length).toBeGreaterThan(3);
  expect(known.filter((file) => !file.startsWith("nats/"))).toEqual([]);
});

it("only the queue, which requires a server, loads src/nats at startup", () => {
  const loading = files.filter(({ file, source }) => !file.startsWith("nats/") && loads(source, /\/nats\/index\.js$/));
  expect(loading.map(({ file }) => file)).toEqual(["queue/admission.ts", "queue/serve.ts"]);
});
