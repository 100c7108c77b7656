/** `sweep.json`: what a sweep tries, so that a sweep that is continued is the same one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { CoxswainError } from "../errors.js";
import { storageTrouble, writeWhole } from "../storage/index.js";
import type { Sweep } from "./load.js";

const pathOf = (outputDir: string): string => join(outputDir, "sweep.json");

interface Plan {
  readonly run: string;
  readonly metric: string;
  readonly halving: unknown;
  readonly trials: readonly unknown[];
}

const planOf = ({ base, metric, rules, trials }: Sweep): Plan => ({
  run: base.path ?? base.name,
  metric,
  halving: rules.halving ?? null,
  trials: trials.map(({ assignment }) => assignment),
});

/** @throws CoxswainError "storage" */
export async function writePlan(sweep: Sweep): Promise<void> {
  await writeWhole(pathOf(sweep.outputDir), `${JSON.stringify(planOf(sweep), null, 2)}\n`);
}

/** @throws CoxswainError "config" if the folder holds another sweep, "storage" */
export function checkPlan(sweep: Sweep): void {
  const path = pathOf(sweep.outputDir);
  const before = read(path);
  const now = planOf(sweep);
  const changed = (["metric", "halving", "trials"] as const).filter(
    (key) => !isDeepStrictEqual(before[key], JSON.parse(JSON.stringify(now[key]))),
  );
  if (changed.length === 0) return;
  const words = changed.map((key) => (key === "trials" ? "its trials" : key)).join(", ");
  throw new CoxswainError(
    "config",
    `${sweep.file}: ${words} changed since the sweep in ${sweep.outputDir} was started`,
    {
      hint: "Undo the change to continue it, or choose another output_dir for the changed sweep.",
    },
  );
}

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
