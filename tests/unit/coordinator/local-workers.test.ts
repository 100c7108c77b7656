import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it, vi } from "vitest";
import { startLocalWorkers } from "../../../src/coordinator/index.js";
import { temporaryFolder } from "../../support/processes.js";

it("local workers all compute on the first GPU", async () => {
  const folder = temporaryFolder();
  const program = join(folder, "program.mjs");
  writeFileSync(
    program,
    `
      import { writeFileSync } from "node:fs";
      writeFileSync(${JSON.stringify(join(folder, "gpu-"))} + process.env.CUDA_VISIBLE_DEVICES, "");
    `,
  );
  const workers = startLocalWorkers({
    count: 2,
    coordinator: "127.0.0.1:9",
    token: null,
    args: [],
    environments: [{ CUDA_VISIBLE_DEVICES: "0" }, { CUDA_VISIBLE_DEVICES: "1" }],
    logFolder: join(folder, "logs"),
    program,
    note: () => undefined,
    onFailure: () => undefined,
  });
  await vi.waitUntil(() => [0, 1].every((gpu) => existsSync(join(folder, `gpu-${gpu}`))), 10_000);
  await workers.close();
});
