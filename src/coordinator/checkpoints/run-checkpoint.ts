/** Writes a run's checkpoints: adds the coordinator's own state to the replica, and removes old ones. */
import { supervisedTokens } from "../../data/index.js";
import { stepNumber } from "../../ids.js";
import { baseModelRecord, loraSettings } from "../../model/index.js";
import type { ReplicaState } from "../../optim/index.js";
import type { BestState } from "../machine/index.js";
import { checkpointName, listCheckpoints } from "./folder.js";
import { pruneCheckpoints, writeCheckpoint } from "./index.js";
import { bestRecord } from "./trainer-state.js";
import { jsonOf, keptSettings } from "../prepare/changed-settings.js";
import { configDigest } from "../prepare/config-digest.js";
import type { PreparedRun } from "../prepare/prepare.js";

/** Saves states in the order of their steps, one at a time; returns the checkpoint's folder. */
export function checkpointWriter(run: PreparedRun): (state: ReplicaState, best?: BestState) => Promise<string> {
  const { config, layout, manifest, train, plan } = run;
  const settings = loraSettings(config);
  const base = baseModelRecord(config.model, manifest);
  const kept = jsonOf(keptSettings(config));
  const tokensUpTo = tokenCounter(run);
  return async (state, best) => {
    const bestStep = best?.best?.step;
    const progress = {
      started_at: run.startedAt,
      epoch: state.step === 0 ? 0 : plan.rowsOf(state.step).epoch,
      data_fingerprint: train.fingerprint,
      config_digest: configDigest(config),
      model_hash: manifest.hash,
      settings: kept,
      tokens: tokensUpTo(state.step),
      ...bestRecord(best, await pathIfSaved(config.output_dir, bestStep, state.step)),
    };
    const folder = await writeCheckpoint(config.output_dir, {
      state,
      progress,
      layout,
      settings,
      baseModel: config.model,
      quantization: config.quantization,
      base,
      templateKwargs: config.data.chat_template_kwargs,
      companions: run.inferenceFiles,
    });
    const { save_total_limit: limit } = config.training;
    if (limit !== null) await pruneCheckpoints(config.output_dir, limit, bestStep);
    return folder;
  };
}

/** The best checkpoint's path within the output folder; null if it is neither on disk nor the one that is being written. */
async function pathIfSaved(outputDir: string, best: number | undefined, writing: number): Promise<string | null> {
  if (best === undefined) return null;
  const isSaved = best === writing || (await listCheckpoints(outputDir)).some(({ step }) => step === best);
  return isSaved ? `checkpoints/${checkpointName(best)}` : null;
}

/** Tokens used since step 0; must be called with ascending steps. */
function tokenCounter({
  train,
  plan,
  replica,
  tokensBefore,
}: PreparedRun): (step: number) => { all: number; supervised: number } {
  let counted = replica.step as number;
  let { all, supervised } = tokensBefore;
  return (step) => {
    for (; counted < step; counted++) {
      for (const index of plan.rowsOf(stepNumber(counted + 1)).rows) {
        const row = train.row(index);
        all += row.inputIds.length;
        supervised += supervisedTokens(row);
      }
    }
    return { all, supervised };
  };
}
