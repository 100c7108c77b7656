/** `sweep.json`: what a sweep tries, so that a sweep that is continued is the same one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { CoxswainError } from "../errors.js";
import { storageTrouble, writeWhole } from "../storage/index.js";
import type { LoadedRun } from "../config/index.js";
import { sweepPlanFile } from "../sweep-folder.js";
import type { Sweep } from "./load.js";

export const planPath = (outputDir: string): string => join(outputDir, sweepPlanFile);

interface Plan {
  readonly metric: string;
  readonly halving: unknown;
  readonly trials: readonly unknown[];
  /** What all trials have in common, by dotted key. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const planOf = ({ base, metric, rules, trials }: Sweep): Plan => ({
  metric,
  halving: rules.halving ?? null,
  trials: trials.map(({ assignment }) => assignment),
  settings: sharedSettings(base),
});

/** Settings that change neither what is trained nor what it is compared by. */
const harmless = new Set(["training.logging_steps", "training.save_steps", "training.save_total_limit"]);

/** Paths are relative to the run file, so that a project can be moved. */
function sharedSettings({ config, directory }: LoadedRun): Plan["settings"] {
  const { model, seed, quantization, data, lora, training, compute } = config;
  const flat = flatten({ model, seed, quantization, data, lora, training, compute });
  const text = JSON.stringify(Object.fromEntries(flat.filter(([key]) => !harmless.has(key))));
  return JSON.parse(text.replaceAll(`"${directory}/`, '"./')) as Plan["settings"];
}

function flatten(section: object, prefix = ""): readonly (readonly [string, unknown])[] {
  return Object.entries(section).flatMap(([name, value]: [string, unknown]) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? flatten(value, `${prefix}${name}.`)
      : [[`${prefix}${name}`, value] as const],
  );
}

/** @throws CoxswainError "storage" */
export async function writePlan(sweep: Sweep): Promise<void> {
  await writeWhole(planPath(sweep.outputDir), `${JSON.stringify(planOf(sweep), null, 2)}\n`);
}

/** @throws CoxswainError "config" if the folder holds another sweep, "storage" */
export function checkPlan(sweep: Sweep): void {
  const before = read(planPath(sweep.outputDir));
  const now = JSON.parse(JSON.stringify(planOf(sweep))) as Plan;
  const changed = (["metric", "halving", "trials"] as const)
    .filter((key) => !isDeepStrictEqual(before[key], now[key]))
    .map((key) => (key === "trials" ? "its trials" : key));
  if (changed.length > 0) throw changedPlan(sweep, sweep.file, changed.join(", "));
  const { settings = {} } = before;
  const keys = Object.keys(now.settings).filter((key) => !isDeepStrictEqual(settings[key], now.settings[key]));
  const values = keys.map((key) => `${key} (${shown(settings[key])} then, ${shown(now.settings[key])} now)`);
  if (keys.length > 0) throw changedPlan(sweep, sweep.base.name, values.join(", "));
}

const shown = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));

const changedPlan = ({ outputDir }: Sweep, file: string, what: string): CoxswainError =>
  new CoxswainError("config", `${file}: ${what} changed since the sweep in ${outputDir} was started`, {
    hint:
      "Undo the change to continue it (the same --set as then), or choose another output_dir for the changed sweep: " +
      "its trials would not be comparable.",
  });

function read(path: string): Partial<Plan> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw storageTrouble(error, path);
  }
  try {
    return Object(JSON.parse(text)) as Partial<Plan>;
  } catch (error) {
    throw new CoxswainError("config", `${path}: is not JSON`, {
      hint: "The file is written by coxswain sweep alone. Restore it, or start the sweep in another output_dir.",
      cause: error,
    });
  }
}
