/**
 * Checkpoints of a run, `checkpoints/step-000100/` in its output folder: the adapter as a PEFT folder, AdamW's moments in
 * `optimizer.safetensors`, and `trainer_state.json`.
 */
export {
  newestCheckpoint,
  pruneCheckpoints,
  readTrainerState,
  type NewestCheckpointOptions,
} from "./checkpoint-folder.js";
export { readCheckpoint, type ReadCheckpointOptions, type RestoredCheckpoint } from "./checkpoint-read.js";
export { writeCheckpoint, type Checkpoint, type WriteCheckpointOptions } from "./checkpoint-write.js";
export type { RunProgress, TrainerState } from "./trainer-state.js";
