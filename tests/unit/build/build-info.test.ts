import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectFolder } from "../../support/processes.js";

const read = (name: string): unknown => JSON.parse(readFileSync(join(projectFolder, name), "utf8"));

it("a build after `rm -rf dist` writes the program again, and does not ship the compiler's state", () => {
  const { compilerOptions } = read("tsconfig.build.json") as { compilerOptions: { tsBuildInfoFile: string } };
  const { outDir } = (read("tsconfig.json") as { compilerOptions: { outDir: string } }).compilerOptions;
  expect(compilerOptions.tsBuildInfoFile.startsWith(`${outDir}/`)).toBe(true);
  const { files } = read("package.json") as { files: string[] };
  expect(files).toContain(`!${compilerOptions.tsBuildInfoFile}`);
});
