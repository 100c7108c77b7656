/** One coordinator per output folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { smallRun } from "../support/runs.js";

it("a second coordinator is refused with the process id of the first, which finishes", async () => {
  const folder = temporaryFolder();
  const output = join(folder, "out");
  const file = writeRun(folder, smallRun());
  const first = new CoxswainProcess(["coordinator", file]);
  const [, address] = await first.until(/listening on (\S+)/);
  for (const args of [
    ["train", file],
    ["coordinator", file, "--resume"],
  ]) {
    const { code, stderr } = await coxswain(args);
    expect(stderr).toContain(`output_dir: ${output} is in use by another coordinator, process ${first.child.pid}`);
    expect(code).toBe(2);
  }
  expect((await coxswain(["worker", "--coordinator", address!, "--http", "none"])).code).toBe(0);
  expect((await first.finished).code).toBe(0);
  expect(existsSync(join(output, ".lock"))).toBe(false);
});
