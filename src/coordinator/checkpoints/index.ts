/**
 * Checkpoints of a run, `checkpoints/step-000100/` in its output folder: the adapter as a PEFT folder, AdamW's moments in
 * `optimizer.safetensors`, and `trainer_state.json`.
 */
export { newestCheckpoint, pruneCheckpoints, readTrainerState, type NewestCheckpointOptions } from "./folder.js";
export { readCheckpoint, type ReadCheckpointOptions, type RestoredCheckpoint } from "./read.js";
export { writeCheckpoint, type CheckpointContents as Checkpoint, type WriteCheckpointOptions } from "./write.js";
export { readBest, requireBest } from "./best.js";
export { bestStateOf, type RunProgress, type TrainerState } from "./trainer-state.js";
