/**
 * Detects changed settings of a resumed run, and names each with its old and new value. Pure.
 */
import type { RunConfig } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { decidingSettings } from "./config-digest.js";
import type { TrainerState } from "../checkpoints/trainer-state.js";

type TrainerSettings = NonNullable<TrainerState["settings"]>;

/** Settings by dotted key; values as JSON has them. */
export type SettingValues = Readonly<Record<string, unknown>>;

/** The settings that determine the result of a run, and the names of its model and data: stored in every checkpoint. */
export function keptSettings(config: RunConfig): SettingValues {
  const { model, data } = config;
  return {
    ...decidingSettings(config),
    model,
    "data.train": data.train,
    // Only a split of data.train decides what is trained on.
    "data.eval": typeof data.eval === "number" ? data.eval : null,
    "data.format": data.format,
    "data.assistant_only_loss": data.assistant_only_loss,
    "data.completion_only_loss": data.completion_only_loss,
    "data.chat_template": data.chat_template,
    "data.chat_template_kwargs": data.chat_template_kwargs,
    "data.turns": data.turns,
    "data.on_bad_example": data.on_bad_example,
  };
}

/** As it is read back. */
export const jsonOf = (settings: SettingValues): TrainerSettings =>
  JSON.parse(JSON.stringify(settings)) as TrainerSettings;

export interface ChangedSetting {
  readonly key: string;
  readonly before: unknown;
  readonly now: unknown;
}

/** Compares only keys that both have: a key that an older release lacks has not been changed. */
export function changedSettings(before: SettingValues, now: SettingValues): readonly ChangedSetting[] {
  return Object.keys(now)
    .filter((key) => key in before && JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => ({ key, before: before[key], now: now[key] }));
}

/** Which part of a run differs from its checkpoint's. */
export type ChangedPart = "settings" | "data" | "model";

/** Settings that affect only how the data is tokenised. */
const dataKeys: ReadonlySet<string> = new Set(
  [
    "train",
    "eval",
    "format",
    "assistant_only_loss",
    "completion_only_loss",
    "chat_template",
    "chat_template_kwargs",
    "turns",
    "on_bad_example",
  ].map((key) => `data.${key}`),
);

const partOf = (key: string): ChangedPart => (key === "model" ? "model" : dataKeys.has(key) ? "data" : "settings");

/** The message if no setting explains the difference. */
const otherwise: Readonly<Record<ChangedPart, string>> = {
  settings:
    "settings that determine the result have changed (the checkpoint of an older release does not record which)",
  data: "the training data has changed: the files of data.train, or the model's tokenizer or chat template",
  model: "the model has changed: its files differ",
};

const free =
  "These may change freely: workers, output_dir, data.eval unless it is a number, training.logging_steps, eval_steps, save_steps, " +
  "save_total_limit, load_best_model_at_end, early_stopping_patience, predict_with_generate and sample_prompts, compute.device and gradient_checkpointing, telemetry, and cluster except all_reduce_dtype. " +
  "training.num_train_epochs and max_steps may change if the learning rates of the trained steps stay the same.";

/** @param before the settings of the checkpoint, if known */
export function otherRun(
  checkpoint: string,
  part: ChangedPart,
  before: SettingValues | undefined,
  now: SettingValues,
): CoxswainError {
  const changes = before === undefined ? [] : changedSettings(before, now).filter(({ key }) => partOf(key) === part);
  const what = changes.length === 0 ? ` ${otherwise[part]}` : listed(changes);
  return new CoxswainError("config", `${checkpoint} was made with other values:${what}`, {
    hint:
      `${undo(changes)} to continue the same run, or start a new one in another output_dir ` +
      `(lora.init_adapter can start from this checkpoint). ${free}`,
  });
}

/** As `otherRun`, for a run that has no checkpoint yet. @param resolved the file with the settings it was started with */
export const otherStart = (resolved: string, changes: readonly ChangedSetting[]): CoxswainError =>
  new CoxswainError("config", `${resolved}: the run was started with other values:${listed(changes)}`, {
    hint: `${undo(changes)} to continue the same run, or start a new one in another output_dir. ${free}`,
  });

/** Of lists of the same length and of objects, what differs in them: "data.train.1.weight". */
function parts(change: ChangedSetting): readonly ChangedSetting[] {
  const { key, before, now } = change;
  if (JSON.stringify(before) === JSON.stringify(now)) return [];
  const isParted =
    Array.isArray(before) && Array.isArray(now) ? before.length === now.length : isRecord(before) && isRecord(now);
  if (!isParted) return [change];
  const [then, today] = [before as Record<string, unknown>, now as Record<string, unknown>];
  const names = [...new Set([...Object.keys(then), ...Object.keys(today)])];
  return names.flatMap((name) =>
    parts({ key: `${key}.${name}`, before: then[name] ?? null, now: today[name] ?? null }),
  );
}

const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

function listed(changes: readonly ChangedSetting[]): string {
  const lines = changes
    .flatMap(parts)
    .map((change) => `${change.key}: ${shown(change.before)} then, ${shown(change.now)} now`);
  return lines.length > 1 ? lines.map((line) => `\n  ${line}`).join("") : ` ${lines.join("")}`;
}

const undo = ({ length }: readonly ChangedSetting[]): string =>
  length === 0 ? "Undo the change" : `Set ${length === 1 ? "it" : "them"} back`;

const longest = 80;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
