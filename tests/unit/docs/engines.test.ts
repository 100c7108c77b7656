import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";

it("docs/engines.md shows the recorded runs of the numerics suite, and every golden case was run", () => {
  const script = join(import.meta.dirname, "../../../scripts/engines-table.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
});
