/** `trainer_state.json`: the metadata of a checkpoint. Pure: does not access files. */
import { z } from "zod";
import { CoxswainError, messageOf } from "../../errors.js";
import type { BestState } from "../machine/index.js";

const countOrZero = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const schema = z.strictObject({
  /** Version of this format. */
  version: z.literal(1),
  step: countOrZero,
  /** When the run began, local time without a zone: what its chat template writes. Absent in older checkpoints. */
  started_at: z.iso.datetime({ local: true }).optional(),
  /** Epochs done, with a fraction. */
  epoch: z.number().nonnegative(),
  /** Fingerprint of parameters, moments and step (see `collective/state-hash.ts`). */
  state_hash: z.string().min(1),
  /** Must be equal in a run that continues from this checkpoint. */
  data_fingerprint: z.string(),
  config_digest: z.string(),
  model_hash: z.string(),
  /** Settings that determine the result, by dotted key, to report changes. Absent in older checkpoints. */
  settings: z.record(z.string(), z.json()).optional(),
  /** Used since step 0. */
  tokens: z.strictObject({ all: countOrZero, supervised: countOrZero }),
  /** As in transformers: the best evaluation so far, and its checkpoint in the output folder, if it is on disk. */
  best_metric: z.number().nullable().optional(),
  best_global_step: countOrZero.nullable().optional(),
  best_model_checkpoint: z.string().nullable().optional(),
  /** Evaluations since the last improvement. */
  early_stopping_patience_counter: countOrZero.optional(),
  /** The newest evaluation that these include; later ones are in `metrics.jsonl`. */
  evaluated_step: countOrZero.optional(),
  /** The other files of the checkpoint, by which a damaged one is found. */
  files: z.record(z.string(), z.strictObject({ bytes: countOrZero, sha256 })),
});

/** What a checkpoint has of the evaluations so far; absent if none are compared. */
export interface BestRecord {
  readonly best_metric?: number | null | undefined;
  readonly best_global_step?: number | null | undefined;
  readonly best_model_checkpoint?: string | null | undefined;
  readonly early_stopping_patience_counter?: number | undefined;
  readonly evaluated_step?: number | undefined;
}

/** @param checkpoint the path of the best checkpoint within the output folder; null: it is not on disk */
export function bestRecord(state: BestState | undefined, checkpoint: string | null): BestRecord {
  if (state === undefined) return {};
  return {
    best_metric: state.best?.value ?? null,
    best_global_step: state.best?.step ?? null,
    best_model_checkpoint: checkpoint,
    early_stopping_patience_counter: state.patienceCounter,
    evaluated_step: state.evaluatedStep,
  };
}

/** What the checkpoint has of the evaluations, for a run that continues from it. */
export function bestStateOf(record: BestRecord): BestState {
  const { best_metric: value, best_global_step: step, evaluated_step: evaluatedStep } = record;
  return {
    evaluatedStep: evaluatedStep ?? 0,
    best: typeof value === "number" && typeof step === "number" ? { step, value } : undefined,
    patienceCounter: record.early_stopping_patience_counter ?? 0,
  };
}

/** The content of `trainer_state.json`. */
export type TrainerState = Readonly<z.output<typeof schema>>;

/** The part that the caller of `writeCheckpoint` supplies; the rest is determined while writing. */
export type RunProgress = Pick<
  TrainerState,
  | "started_at"
  | "epoch"
  | "data_fingerprint"
  | "config_digest"
  | "model_hash"
  | "settings"
  | "tokens"
  | keyof BestRecord
>;

export function trainerStateText(state: TrainerState): string {
  return `${JSON.stringify(schema.parse(state), undefined, 2)}\n`;
}

/**
 * @param path the file's, for messages
 * @throws CoxswainError "storage" for anything that `trainerStateText` does not write
 */
export function parseTrainerState(text: string, path: string): TrainerState {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(path, `not JSON: ${messageOf(error)}`, error);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(path, `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`, parsed.error);
}

function damaged(path: string, what: string, cause: unknown): CoxswainError {
  return new CoxswainError("storage", `${path}: ${what}`, {
    hint: "The checkpoint is damaged, or was written by another version of Coxswain: remove its folder to continue from an older one.",
    cause,
  });
}
