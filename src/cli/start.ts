/** Starts the program: signals, the command line, and the exit code. */
import { endOnSignals, fail, guardProcess } from "./frame.js";
import { hangupsIgnored, readOrigin } from "./process/hangup.js";
import { endWithParent, thisChild } from "./process/parent.js";
import { runProgram } from "./program.js";

export async function start(): Promise<void> {
  guardProcess();
  endOnSignals();
  // Node has reset the signals that `nohup` ignores.
  if (hangupsIgnored(readOrigin())) process.on("SIGHUP", () => undefined);
  // Schedulers send these shortly before the time limit. By default, SIGUSR1 makes Node open a debugger port.
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
