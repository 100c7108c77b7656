/** Writes the settings of a run to its output folder. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { resolvedFile, serializeRun } from "../config/index.js";
import type { RunConfig } from "../config/index.js";
import { CoxswainError, messageOf } from "../errors.js";

/** Atomic. @throws CoxswainError "storage" */
export function writeResolved(config: RunConfig): void {
  const path = join(config.output_dir, resolvedFile);
  const aside = `${path}.${process.pid}.incoming`;
  try {
    rmSync(aside, { force: true });
    writeFileSync(aside, serializeRun(config), { flag: "wx" });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new CoxswainError("storage", `${path}: cannot be written: ${messageOf(error)}`, {
      hint: "Free some space, check the permissions, or choose another output_dir.",
      cause: error,
    });
  }
}
