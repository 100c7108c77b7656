/** One coordinator per output folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { goldenFolder } from "../support/runs.js";

const golden = join(goldenFolder, "llama");

it("a second coordinator is refused with the process id of the first, which finishes", async () => {
  const folder = temporaryFolder();
  const output = join(folder, "out");
  const file = writeRun(folder, {
    model: join(golden, "model"),
    output_dir: "out",
    data: { train: join(golden, "train.jsonl") },
    lora: { r: 4 },
    training: { max_steps: 2, global_batch_size: 4, micro_batch_size: 2 },
    cluster: { listen: "127.0.0.1:0" },
    telemetry: { http: null },
  });
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
