/** The work of `coxswain lr-find`: executes the range test in a terminal, saves its result and draws it. */
import { hostname } from "node:os";
import { join } from "node:path";
import { loadRun, type LoadedRun } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { findLearningRate, rangeTestFolder, type FoundLearningRate } from "../../library/index.js";
import { writeWhole } from "../../storage/index.js";
import { defaultRamp, shortRate, type Ramp } from "../../tune/index.js";
import { onInterruption } from "../process/interruption.js";
import { kill } from "../process/kill.js";
import { thisProgram } from "../process/this-program.js";
import { createProgress } from "../terminal/progress.js";
import { warn } from "../terminal/quiet-progress.js";
import { missingWorkers, workersAsked } from "../train/missing-workers.js";
import { shortPath } from "../train/next-steps.js";
import { drawCurve } from "./draw.js";
import { rangeTestSpecification } from "./picture.js";
import { resultJson } from "./result.js";
import { checkWritable, writeRate } from "./write-rate.js";

export interface LrFindFlags {
  readonly set: readonly string[];
  readonly workers?: string;
  readonly from?: number;
  readonly to?: number;
  readonly steps?: number;
  readonly write?: true;
  readonly insecure?: true;
  readonly json?: true;
}

export async function lrFind(file: string, flags: LrFindFlags): Promise<void> {
  const { workers, from = defaultRamp.from, to = defaultRamp.to, steps = defaultRamp.steps } = flags;
  const ramp = { from, to, steps };
  const own = workers === undefined ? [] : [{ flag: "--workers", key: "workers", value: workers }];
  const run = await loadRun(file, [...flags.set, ...own]);
  if (flags.write === true) checkWritable(file, flags.set);
  const folder = rangeTestFolder(run.config);
  const found = await execute(run, ramp, folder, flags);
  const json = `${JSON.stringify(resultJson(found, ramp), null, 2)}\n`;
  const path = join(folder, "result.json");
  await writeWhole(path, json);
  const { drawSvg } = await import("../../plots/index.js");
  await writeWhole(join(folder, "curve.svg"), await drawSvg(rangeTestSpecification(found, ramp), warn));
  const { learningRate } = found.suggestion;
  if (flags.json === true) process.stdout.write(json);
  else process.stdout.write(report(found, ramp, folder));
  if (learningRate === undefined) {
    throw new CoxswainError("data", `no learning rate can be suggested: ${found.suggestion.reason}`, {
      hint: `The curve is in ${shortPath(path, process.cwd())}.`,
    });
  }
  if (flags.write === true) {
    await writeRate(file, learningRate);
    process.stderr.write(`${file}: training.learning_rate is now ${shortRate(learningRate)}\n`);
  }
}

async function execute(
  run: LoadedRun,
  ramp: Ramp,
  folder: string,
  { json, insecure }: LrFindFlags,
): Promise<FoundLearningRate> {
  // The result is on stdout.
  const view = createProgress({ stream: json === true ? process.stderr : process.stdout });
  const stopping = new AbortController();
  let pids: () => readonly number[] = () => [];
  let started = false;
  const interruption = onInterruption(({ times, cause }) => {
    if (!started || times > 1) {
      view.close();
      for (const pid of pids()) kill(pid);
      process.exit(130);
    }
    view.note(`${cause}: stopping (Ctrl-C again stops immediately)`);
    stopping.abort();
  });
  try {
    return await findLearningRate(run, {
      ramp,
      folder,
      view: { ...bound(view), note: (text) => noteUnlessInternal(view, text) },
      signal: stopping.signal,
      insecure: insecure === true,
      onListening: (address) => {
        const place = { address, host: hostname(), program: thisProgram() };
        const missing = missingWorkers(workersAsked(run.config, { localWorkers: true, ...place }));
        if (missing !== undefined) view.note(missing);
      },
      onStart: (running) => {
        started = true;
        pids = running;
      },
    });
  } finally {
    interruption.close();
    view.close();
  }
}

const bound = (view: ReturnType<typeof createProgress>): Pick<typeof view, "step" | "waiting"> => ({
  step: (step, logged) => view.step(step, logged),
  waiting: (reason) => view.waiting(reason),
});

/** The checkpoint that ends the test is removed with its folder. */
function noteUnlessInternal(view: ReturnType<typeof createProgress>, text: string): void {
  if (!/^step \d+: checkpoint /.test(text)) view.note(text);
}

function report({ points, divergedAt, suggestion }: FoundLearningRate, ramp: Ramp, folder: string): string {
  const { learningRate, steepest, tenth, rule, reason } = suggestion;
  const curve = drawCurve(points, ramp, { suggested: learningRate, steepest });
  const end =
    divergedAt === undefined
      ? `the loss did not diverge up to ${shortRate(ramp.to)}`
      : `the loss diverged at ${shortRate(divergedAt)}, after ${points.length} of ${ramp.steps} steps`;
  const lines = [end];
  if (steepest !== undefined) lines.push(`s  steepest fall of the loss      ${shortRate(steepest)}`);
  if (tenth !== undefined) lines.push(`^  a tenth of where it rises      ${shortRate(tenth)}`);
  if (learningRate !== undefined) {
    lines.push(`suggestion: training.learning_rate: ${shortRate(learningRate)}  (${rule ?? ""}: ${reason})`);
  }
  return `\n${curve}\n${lines.join("\n")}\nsaved in ${shortPath(folder, process.cwd())}: result.json, curve.svg\n`;
}
