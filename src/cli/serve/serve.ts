/** The work of `coxswain serve`: serves the queue until a signal, and prints what it does. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { openRoots, serveQueue } from "../../queue/index.js";
import type { QueueEvent, Verdict } from "../../queue/index.js";
import { natsSettings, type NatsFlags } from "../options/nats.js";
import { onInterruption } from "../process/interruption.js";
import { executeJob } from "./job.js";

export interface ServeFlags extends NatsFlags {
  readonly set: readonly string[];
  readonly insecure?: true;
  readonly dataRoot?: readonly string[];
  readonly modelRoot?: readonly string[];
  readonly outputRoot: readonly string[];
  readonly acceptFrom?: readonly string[];
  /** Seconds. */
  readonly grace: number;
}

export async function serve(flags: ServeFlags): Promise<void> {
  const settings = await natsSettings(flags);
  const roots = openRoots({
    data: (flags.dataRoot ?? []).map((folder) => resolve(folder)),
    model: (flags.modelRoot ?? []).map((folder) => resolve(folder)),
    output: flags.outputRoot.map((folder) => resolve(folder)),
  });
  const acceptFrom = flags.acceptFrom === undefined ? null : await publicKeys(flags.acceptFrom);
  const leaving = new AbortController();
  // The second request does not wait for the step in flight.
  const now = new AbortController();
  const interruption = onInterruption(({ times }) => (times > 1 ? now : leaving).abort());
  const insecure = flags.insecure === true;
  try {
    await serveQueue({
      settings,
      sets: flags.set,
      signal: leaving.signal,
      roots,
      acceptFrom,
      train: (run, { resume }) =>
        executeJob(run, {
          resume,
          insecure,
          signal: leaving.signal,
          now: now.signal,
          grace: 1000 * flags.grace,
        }),
      report: (event) => process.stdout.write(`${inWords(event)}\n`),
    });
  } finally {
    interruption.close();
  }
}

/** Public keys, and files of them. */
async function publicKeys(given: readonly string[]): Promise<readonly string[]> {
  const { checkPublicKey } = await import("../../nats/index.js");
  const keys = given.flatMap((each) => (existsSync(each) ? readFileSync(each, "utf8").split(/\s+/) : [each]));
  return keys.filter((key) => key !== "").map(checkPublicKey);
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
