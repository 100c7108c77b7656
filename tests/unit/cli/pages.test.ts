import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { withPages } from "../../../src/cli/pages.js";
import { projectFolder } from "../../support/processes.js";

const root = projectFolder.replace(/\/$/, "");

it("names a page of the documentation by a path that exists, from any working directory", () => {
  const text = withPages("Correct it; docs/run-file.md describes every key (docs/gpu.md). See README.md", "/tmp");
  const paths = text.match(/\/\S+\.md/g)!;
  expect(paths).toEqual(["docs/run-file.md", "docs/gpu.md", "README.md"].map((page) => join(root, page)));
  for (const path of paths) expect(existsSync(path), path).toBe(true);
});

it("keeps the short path in the package's own folder, the user's own files, and pages that are not installed", () => {
  const hint = "docs/run-file.md describes every key.";
  expect(withPages(hint, root)).toBe(hint);
  for (const other of ["data/docs/run-file.md", "./README.md", "docs/my-notes.md"])
    expect(withPages(other, "/tmp")).toBe(other);
});
