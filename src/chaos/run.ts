/** A chaos run from start to end: the undisturbed run, the disturbed run, and their comparison. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadRun } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { makeFoldersSync } from "../make-folders.js";
import { JsonLinesFile } from "../telemetry/index.js";
import { runCourse } from "./course.js";
import type { InjectedFault } from "./faults.js";
import { startGuard } from "./guard.js";
import type { ChaosOptions, Setting } from "./options.js";
import { calmPlan, completePlan } from "./plan.js";
import type { ChaosPlan } from "./plan.js";
import { compareSteps, summarize } from "./report.js";
import type { ChaosReport } from "./report.js";
import { keepTime, readJsonLines, readResult, reuse } from "./undisturbed.js";
import type { Undisturbed } from "./undisturbed.js";

/**
 * @throws CoxswainError for an invalid run file or folder; "cluster" if even the undisturbed run does not finish;
 * "interrupted"
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { config } = await loadRun(options.runFile, options.sets);
  const workers = options.workers ?? Math.max(2, config.workers);
  const folder = options.output ?? `${config.output_dir}-chaos-${options.seed}`;
  const earlier = options.reference === undefined ? undefined : await reuse(options.reference, config, workers);
  claim(folder);
  const guard = startGuard();
  try {
    const setting = { options, config, workers, folder, guard };
    const undisturbed = earlier ?? (await undisturbedRun(setting));
    options.note(`undisturbed: ${undisturbed.seconds.toFixed(1)} s from the first commit to the last`);
    const plan = completePlan(options.plan, undisturbed.seconds);
    options.planned(plan, folder);
    const report = await disturbedRun(setting, plan, undisturbed);
    writeFileSync(join(folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    return report;
  } finally {
    guard.close();
  }
}

/** @throws CoxswainError "usage" if the folder is not empty */
function claim(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new CoxswainError("usage", `${folder} is not empty`, {
      hint: "Choose another folder with --output, use another --seed, or remove it.",
    });
  makeFoldersSync(folder);
}

async function undisturbedRun(setting: Setting): Promise<Undisturbed> {
  const { options, workers, folder } = setting;
  options.note(`undisturbed run with ${workers} workers, in ${join(folder, "reference")}`);
  const { end, commits } = await runCourse(setting, "reference", calmPlan, () => undefined);
  if (end.kind === "failed")
    throw new CoxswainError("cluster", `the undisturbed run did not finish: ${end.reason}`, {
      hint: "Make sure that `coxswain train` ends with this run file.",
    });
  const outputDir = join(folder, "reference");
  const seconds = durationOf(commits);
  keepTime(outputDir, { seconds, workers });
  return { ...readResult(outputDir), seconds };
}

async function disturbedRun(setting: Setting, plan: ChaosPlan, reference: Undisturbed): Promise<ChaosReport> {
  const { options, workers, folder } = setting;
  const log = new JsonLinesFile(join(folder, "faults.jsonl"));
  const faults: InjectedFault[] = [];
  const surprises: string[] = [];
  try {
    const { end, commits, again, capacity } = await runCourse(setting, "disturbed", plan, ({ seconds, ...what }) => {
      if ("surprise" in what) {
        surprises.push(what.surprise);
        options.note(what.surprise);
        return;
      }
      const { fault, target, pid, detail } = what.injection;
      const line = { time: new Date().toISOString(), seconds: round(seconds), fault, target, pid, ...detail };
      faults.push(line);
      log.append(line);
      options.note(describe(line));
    });
    const outputDir = join(folder, "disturbed");
    const disturbed = readResult(outputDir);
    const difference = compareSteps(reference.lines, disturbed.lines);
    const capacitySeconds = capacity.between(commits[0] ?? 0, commits.at(-1) ?? 0);
    const completed = end.kind === "completed";
    return {
      seed: options.seed,
      workers,
      plan,
      failure: end.kind === "failed" ? end.reason : null,
      adapter: {
        equal: reference.sha256 !== null && reference.sha256 === disturbed.sha256,
        reference: reference.sha256,
        disturbed: disturbed.sha256,
      },
      steps: {
        expected: stepsIn(reference.lines),
        committed: stepsIn(disturbed.lines),
        usedOnce: completed && difference === undefined,
        firstDifference: difference ?? null,
        again,
      },
      seconds: { reference: reference.seconds, disturbed: durationOf(commits) },
      capacitySeconds,
      goodput: completed && capacitySeconds > 0 ? reference.seconds / capacitySeconds : null,
      faults: summarize(
        faults,
        commits.map((commit) => commit - (commits[0] ?? 0)),
      ),
      resynchronised: readJsonLines(join(outputDir, "events.jsonl")).filter(
        ({ event }) => event === "replica_resynchronised",
      ).length,
      surprises,
      folder,
    };
  } finally {
    log.close();
  }
}

const stepsIn = (lines: Undisturbed["lines"]): number => lines.filter(({ loss }) => loss !== undefined).length;

const durationOf = (commits: readonly number[]): number => (commits.at(-1) ?? 0) - (commits[0] ?? 0);

const round = (seconds: number): number => Math.round(seconds * 1000) / 1000;

function describe({ seconds, fault, target, pid, ...rest }: InjectedFault): string {
  const details = Object.entries(rest).filter(([key]) => key !== "time");
  const more = details.map(([key, value]) => `${key.replace(/_/g, " ")} ${value}`);
  return [`${seconds.toFixed(1).padStart(7)} s  ${fault}: ${target} (process ${pid})`, ...more].join(", ");
}
