/** The process of one run of the queue: gets the run from `serve`, trains it, reports how it ended, and ends. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { detach } from "../../async/index.js";
import { packError } from "../../packed-error.js";
import { servedRun } from "../../queue/index.js";
import { guardProcess } from "../frame.js";
import { runInTerminal } from "../train/run-in-terminal.js";
import type { JobReport, JobRequest } from "./job-messages.js";

/** Between two signs of life, ms. */
const rhythm = 2_000;

/**
 * Ends the process when its parent has ended, even while it hangs: on a thread of its own. Whoever adopts it is another
 * parent.
 */
const parentWatch = `
const parent = process.ppid;
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 1000);
`;

guardProcess();
const watch = new Worker(parentWatch, { eval: true, name: "coxswain-parent" });
watch.unref();
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
preferToBeKilled();
detach(execute(), () => process.exit(1));

/** When memory is short, the kernel ends this process and its workers before the server. */
function preferToBeKilled(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", "500");
  } catch {
    // Not Linux.
  }
}

async function execute(): Promise<void> {
  const [request] = (await once(process, "message")) as [JobRequest];
  const alive = setInterval(() => detach(report({ kind: "alive" }), () => undefined), rhythm);
  try {
    const { name, config, resume, insecure } = request;
    const finished = await runInTerminal(servedRun(name, config), { resume, insecure, localWorkers: true });
    const { outcome, step, adapter } = finished;
    await report({
      kind: "over",
      outcome: outcome.kind === "failed" ? { kind: "failed", error: packError(outcome.error) } : outcome,
      step,
      adapter,
    });
  } catch (error) {
    await report({ kind: "threw", error: packError(error) });
  } finally {
    clearInterval(alive);
  }
  process.exit(0);
}

const report = (message: JobReport): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, () => resolve());
  });
