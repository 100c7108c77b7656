/**
 * Decides whether a run without a complete checkpoint may restart at step 0 with --resume: only if it was interrupted
 * before its first checkpoint. If any trained state is left, nothing is overwritten.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { resolvedPath } from "../../config/index.js";
import type { RunConfig } from "../../config/index.js";
import { CoxswainError, systemCodeOf } from "../../errors.js";
import { storageTrouble } from "../../storage/index.js";
import { changedSettings, keptSettings, otherStart } from "./changed-settings.js";
import { checkpointsFolder } from "../checkpoints/folder.js";

export interface Restart {
  readonly config: RunConfig;
  /** The settings that the run was started with before, if known. */
  readonly before: RunConfig | undefined;
  /** Why each existing checkpoint cannot be used. */
  readonly skipped: readonly string[];
}

/**
 * @throws CoxswainError "storage" if there are checkpoints but none is complete; "config" if there is an adapter, or the
 *   settings have changed
 */
export async function checkRestart({ config, before, skipped }: Restart): Promise<void> {
  const { output_dir: outputDir } = config;
  const checkpoints = (await namesIn(checkpointsFolder(outputDir))).filter((name) => name.startsWith("step-"));
  const adapter = join(outputDir, "adapter");
  const hasAdapter = (await namesIn(adapter)).length > 0;
  const elsewhere = hasAdapter
    ? `lora.init_adapter: ${adapter} starts a new run from its adapter, in another output_dir.`
    : "Start a new run in another output_dir.";
  if (checkpoints.length > 0) {
    const reasons =
      skipped.length > 0 ? skipped.join("\n  ") : `none is named as a checkpoint (${checkpoints.join(", ")})`;
    throw new CoxswainError(
      "storage",
      `${checkpointsFolder(outputDir)}: no checkpoint is complete, so --resume cannot continue:\n  ${reasons}`,
      { hint: `Nothing was changed. Restore the files from a copy. ${elsewhere}` },
    );
  }
  if (hasAdapter)
    throw new CoxswainError(
      "config",
      `output_dir: ${outputDir} holds an adapter (adapter/) but no checkpoint, so --resume cannot continue`,
      { hint: `Nothing was changed. Restore checkpoints/ from a copy. ${elsewhere}` },
    );
  refuseChanges(config, before);
}

/** Before the first checkpoint, the initial adapter also determines the result. */
const startSettings = (config: RunConfig): Readonly<Record<string, unknown>> => ({
  ...keptSettings(config),
  "lora.init_adapter": config.lora.init_adapter,
});

function refuseChanges(config: RunConfig, before: RunConfig | undefined): void {
  if (before === undefined) return;
  const changes = changedSettings(startSettings(before), startSettings(config));
  if (changes.length > 0) throw otherStart(resolvedPath(config.output_dir) ?? config.output_dir, changes);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCodeOf(error) === "ENOENT") return [];
    throw storageTrouble(error, folder);
  }
}
