/** Reads checkpoints back, to the bit. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { stateHash } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";
import { stepNumber } from "../../ids.js";
import {
  flattenAdapter,
  peftKey,
  readAdapter,
  readFloatRange,
  readSafetensorsHeader,
  type LoraLayout,
} from "../../model/index.js";
import type { ReplicaState } from "../../optim/index.js";
import { storageTrouble } from "../../storage/index.js";
import { optimizerFile, readTrainerState } from "./folder.js";
import { momentSuffixes } from "./write.js";
import type { TrainerState } from "./trainer-state.js";

export interface RestoredCheckpoint {
  /** `trainer_state.json`. */
  readonly trainer: TrainerState;
  /** The bits that were written. */
  readonly state: ReplicaState;
}

export interface ReadCheckpointOptions {
  /** Fingerprint of a state. Default: `stateHash`. */
  readonly hashOf?: (state: ReplicaState) => string;
}

/**
 * Reads the checkpoint in the folder `path`.
 * @throws CoxswainError "model" if its adapter does not match `layout`, "storage" if it is damaged, according to its
 *   fingerprint
 */
export async function readCheckpoint(
  path: string,
  layout: LoraLayout,
  { hashOf = stateHash }: ReadCheckpointOptions = {},
): Promise<RestoredCheckpoint> {
  const trainer = await readTrainerState(path);
  const parameters = flattenAdapter(await readAdapter(path), layout);
  const optimizer = join(path, optimizerFile);
  const state: ReplicaState = {
    step: stepNumber(trainer.step),
    parameters,
    m: await readMoments(optimizer, layout, momentSuffixes.m),
    v: await readMoments(optimizer, layout, momentSuffixes.v),
  };
  const hash = hashOf(state);
  if (hash !== trainer.state_hash) {
    throw damaged(path, `its state has the fingerprint ${hash}, expected ${trainer.state_hash}`);
  }
  return { trainer, state };
}

/** One moment of every LoRA tensor, [layout.size]. */
async function readMoments(path: string, layout: LoraLayout, suffix: string): Promise<Float32Array> {
  const { tensors } = await readSafetensorsHeader(path);
  const flat = new Float32Array(layout.size);
  const file = await open(path, "r").catch((error: unknown) => {
    throw storageTrouble(error, path);
  });
  try {
    for (const tensor of layout.tensors) {
      const name = `${peftKey(tensor)}${suffix}`;
      const entry = tensors.get(name);
      const [rows, columns] = tensor.shape;
      if (entry?.dtype !== "F32" || entry.shape.length !== 2 || entry.shape[0] !== rows || entry.shape[1] !== columns) {
        throw damaged(path, `lacks ${name} as F32 [${rows}, ${columns}]`);
      }
      await readFloatRange(file, path, entry, 0, flat.subarray(tensor.offset, tensor.offset + rows * columns));
    }
  } finally {
    await file.close();
  }
  return flat;
}

function damaged(path: string, what: string): CoxswainError {
  return new CoxswainError("storage", `${path}: ${what}`, {
    hint: "The checkpoint is damaged: remove its folder to continue from an older one.",
  });
}
