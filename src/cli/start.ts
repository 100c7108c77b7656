/** The program from its command line to its exit code. */
import { endOnSignals, fail, guardProcess } from "./frame.js";
import { hangupsIgnored, readOrigin } from "./process/hangup.js";
import { endWithParent, thisChild } from "./process/parent.js";
import { runProgram } from "./program.js";

export async function start(): Promise<void> {
  guardProcess();
  endOnSignals();
  // As `nohup` wants it; Node has taken that back.
  if (hangupsIgnored(readOrigin())) process.on("SIGHUP", () => undefined);
  // Schedulers send these shortly before the time is over. To Node, SIGUSR1 means to open its debugger, on a port.
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => process.kill(process.pid, "SIGTERM"));
  const words = process.argv.slice(2);
  if (words[0] === "worker" && process.send !== undefined) endWithParent(thisChild());
  try {
    const code = await runProgram(words);
    if (code !== undefined) process.exitCode = code;
  } catch (error) {
    await fail(error);
  }
}
