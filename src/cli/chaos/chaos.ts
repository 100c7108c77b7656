/** The work of `coxswain chaos`: runs it, prints what happens and the report. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCodeOf, parseSlowness, planFlags, runChaos } from "../../chaos/index.js";
import type { FaultKind, PlanRequest } from "../../chaos/index.js";
import { chaosTable } from "./table.js";
import { coloursFor } from "../terminal/colour.js";
import { onInterruption } from "../process/interruption.js";
import { shortPath } from "../train/next-steps.js";

export interface ChaosFlags {
  readonly set: readonly string[];
  readonly workers?: number;
  readonly seed: number;
  readonly killWorkerEvery?: number;
  readonly restartAfter?: number;
  readonly freezeEvery?: number;
  readonly freezeFor?: number;
  readonly slow?: string;
  readonly cutEvery?: number;
  readonly cutFor?: number;
  readonly killCoordinatorEvery?: number;
  readonly corruptEvery?: number;
  readonly duration?: number;
  readonly giveUpAfter: number;
  readonly output?: string;
  readonly reference?: string;
  readonly insecure?: true;
  readonly json?: true;
}

export async function chaos(file: string, flags: ChaosFlags): Promise<void> {
  const stream = flags.json ? process.stderr : process.stdout;
  const say = (text: string): void => {
    stream.write(`${text}\n`);
  };
  const stopping = new AbortController();
  const interruption = onInterruption(() => stopping.abort());
  try {
    const report = await runChaos({
      program: fileURLToPath(new URL("../main.js", import.meta.url)),
      runFile: file,
      sets: flags.set,
      insecure: flags.insecure === true,
      workers: flags.workers,
      seed: flags.seed,
      plan: requestOf(flags),
      giveUpAfter: flags.giveUpAfter,
      output: flags.output === undefined ? undefined : resolve(flags.output),
      reference: flags.reference === undefined ? undefined : resolve(flags.reference),
      note: say,
      planned: (plan, folder) => {
        say(`to repeat these faults: --seed ${flags.seed} ${planFlags(plan).join(" ")}`);
        say(`to reuse the undisturbed run: --reference ${shortPath(flags.reference ?? folder, process.cwd())}`);
      },
      signal: stopping.signal,
    });
    if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else process.stdout.write(chaosTable(report, coloursFor(process.stdout)));
    process.exitCode = exitCodeOf(report);
  } finally {
    interruption.close();
  }
}

function requestOf(flags: ChaosFlags): PlanRequest {
  const every: Partial<Record<FaultKind, number>> = {
    ...given("kill-worker", flags.killWorkerEvery),
    ...given("freeze", flags.freezeEvery),
    ...given("cut", flags.cutEvery),
    ...given("kill-coordinator", flags.killCoordinatorEvery),
    ...given("corrupt", flags.corruptEvery),
  };
  return {
    every,
    ...given("restartAfter", flags.restartAfter),
    ...given("freezeFor", flags.freezeFor),
    ...given("cutFor", flags.cutFor),
    ...given("slow", flags.slow === undefined ? undefined : parseSlowness(flags.slow)),
    ...given("duration", flags.duration),
  };
}

const given = <Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> =>
  value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
