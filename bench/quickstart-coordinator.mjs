/** A real `coxswain coordinator` over the quickstart's model and data, for benchmarks that bring their own workers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** The program's main module. */
export const program = join(root, "dist", "cli", "main.js");

/**
 * @param {object} settings of the run file, beside those that all have
 * @param {{ nodeFlags?: string[], onOutput?: (printed: string, pid: number) => void }} [options] onOutput is called with
 *   all that was printed whenever there is more
 * @returns the run's settings, the address to reach it at, `finished`, which rejects where it fails, and `remove` for its
 *   folder
 */
export async function startCoordinator({ training, cluster, ...settings }, { nodeFlags = [], onOutput } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const quickstart = join(root, "examples", "quickstart");
  const run = {
    model: join(quickstart, "model"),
    output_dir: join(folder, "out"),
    data: { train: join(quickstart, "data", "train.jsonl"), max_length: 256 },
    compute: { threads: 1 },
    telemetry: { http: null },
    ...settings,
    training: { save_steps: 10_000, ...training },
    cluster: { listen: "127.0.0.1:0", ...cluster },
  };
  writeFileSync(join(folder, "run.yaml"), JSON.stringify(run));
  const words = [...nodeFlags, program, "coordinator", join(folder, "run.yaml")];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  const finished = once(child, "close").then(([code]) => {
    if (code !== 0) throw new Error(`the coordinator ended with ${code}:\n${printed}`);
  });
  const address = await new Promise((resolve, reject) => {
    finished.then(() => reject(new Error(`the coordinator did not listen:\n${printed}`)), reject);
    child.stdout.on("data", (data) => {
      printed += data;
      const listening = /listening on (\S+)/.exec(printed);
      if (listening !== null) resolve(listening[1]);
      onOutput?.(printed, child.pid);
    });
  });
  return { run, address, finished, remove: () => rmSync(folder, { recursive: true }) };
}
