/** The folder of a sweep, told apart from that of a run: it has trials, which are runs. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CoxswainError } from "./errors.js";

/** What a sweep tries: see src/sweep/recorded-plan.ts. */
export const sweepPlanFile = "sweep.json";

/** @throws CoxswainError "config" if the folder is that of a sweep, where a run is expected */
export function refuseSweepFolder(folder: string): void {
  if (!existsSync(join(folder, sweepPlanFile))) return;
  const trials = join(folder, "trials");
  throw new CoxswainError("config", `${folder}: this is the folder of a sweep, not of a run`, {
    hint: `Give one of its trials, such as ${join(trials, "000")}. \`coxswain sweep FILE --resume\` shows its table.`,
  });
}
