/** The work of `coxswain serve`: serves the queue until a signal, and prints what it does. */
import { serveQueue } from "../../queue/index.js";
import type { QueueEvent, Verdict } from "../../queue/index.js";
import { natsSettings, type NatsFlags } from "../options/nats.js";
import { onInterruption } from "../process/interruption.js";
import { runInTerminal } from "../train/run-in-terminal.js";

export interface ServeFlags extends NatsFlags {
  readonly set: readonly string[];
  readonly insecure?: true;
}

export async function serve(flags: ServeFlags): Promise<void> {
  const settings = await natsSettings(flags);
  const leaving = new AbortController();
  const interruption = onInterruption(() => leaving.abort());
  const insecure = flags.insecure === true;
  try {
    await serveQueue({
      settings,
      sets: flags.set,
      signal: leaving.signal,
      train: (run, { resume }) => runInTerminal(run, { resume, insecure, localWorkers: true }),
      report: (event) => process.stdout.write(`${inWords(event)}\n`),
    });
  } finally {
    interruption.close();
  }
}

function inWords(event: QueueEvent): string {
  switch (event.kind) {
    case "waiting":
      return "waiting for runs";
    case "trouble":
      return `warning: ${event.message}`;
    case "held":
      return `${event.run}: process ${event.pid} on ${event.host} still uses ${event.outputDir}; trying again later`;
    case "started":
      return `${event.run}: ${event.resume ? `continuing after step ${event.step}` : "starting"}`;
    case "concluded":
      return `${event.run}: ${verdictInWords(event.verdict)}`;
  }
}

function verdictInWords(verdict: Verdict): string {
  switch (verdict.kind) {
    case "finished":
      return `finished after ${verdict.step} steps; the adapter is in ${verdict.adapter ?? "its output_dir"}`;
    case "stopped":
      return `${verdict.reason} after step ${verdict.step}`;
    case "rejected":
      return `rejected: ${verdict.error.message}${verdict.error.hint === null ? "" : `\nhint: ${verdict.error.hint}`}`;
    case "returned":
      return `returned to the queue: ${verdict.reason}`;
  }
}
