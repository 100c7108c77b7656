/**
 * Prepares everything that a run needs before its first step: the model and its adapted modules, the tokenised data, the
 * plan of steps, and the initial state. Cheap checks come first, so that mistakes are reported immediately.
 */
import { isDeepStrictEqual } from "node:util";
import { linearModules, positionLimit, quantizeModel, resolveTargets, weightNotes } from "../../compute/index.js";
import type { RunConfig, TrainingConfig } from "../../config/index.js";
import {
  adapterTextNotes,
  buildTokenStore,
  dataOf,
  Duplicates,
  inferenceFiles,
  openTokenizerIfAny,
  stepPlan,
} from "../../data/index.js";
import type { DatasetVersions, StepPlan, TokenStore } from "../../data/index.js";
import { CoxswainError } from "../../errors.js";
import type { StepNumber } from "../../ids.js";
import { hostLimits } from "../../host/index.js";
import {
  flattenAdapter,
  initialParameters,
  layoutFingerprint,
  loraLayout,
  modelManifest,
  openModelFolder,
  otherBaseNote,
  readAdapter,
  readAdapterOrigin,
  resolveModel,
  loraSettings,
} from "../../model/index.js";
import type { LoraLayout, ModelFolder, ModelManifest } from "../../model/index.js";
import { Replica, learningRateSchedule, warmupSteps } from "../../optim/index.js";
import { rarely } from "../../progress.js";
import { cacheFolderIfAny } from "../../storage/index.js";
import { keptSettings, otherRun } from "./changed-settings.js";
import type { ChangedPart } from "./changed-settings.js";
import { bestStateOf, newestCheckpoint, readCheckpoint, readTrainerState, requireBest } from "../checkpoints/index.js";
import type { TrainerState } from "../checkpoints/index.js";
import { notEvaluated } from "../machine/index.js";
import type { BestState } from "../machine/index.js";
import { configDigest } from "./config-digest.js";
import { evaluationsNote } from "./evaluations.js";
import { checkExtension, otherLength } from "./extension.js";
import type { PlannedLength, RunLength } from "./extension.js";
import { prepareGeneration } from "./generation.js";
import type { PreparedGeneration } from "./generation.js";
import { checkMemory, checkRank } from "./sizes.js";
import { checkRestart } from "./restart.js";

export interface PreparedRun {
  readonly config: RunConfig;
  readonly modelFolder: ModelFolder;
  readonly manifest: ModelManifest;
  /** Files to write next to every adapter, such as its chat template: contents by name. */
  readonly inferenceFiles: ReadonlyMap<string, Uint8Array>;
  readonly layout: LoraLayout;
  readonly layoutFingerprint: string;
  /** Paths of the adapted modules. */
  readonly targets: readonly string[];
  readonly train: TokenStore;
  readonly evaluation: TokenStore | undefined;
  /** What is generated in every evaluation. */
  readonly generation: PreparedGeneration | undefined;
  readonly plan: StepPlan;
  readonly learningRate: (step: StepNumber) => number;
  readonly replica: Replica;
  /** Parameters of step 0, [layout.size]. */
  readonly initialParameters: Float32Array;
  /** Tokens used before the run was resumed. */
  readonly tokensBefore: { readonly all: number; readonly supervised: number };
  /** The evaluations before the run was resumed, as far as its checkpoint has them. */
  readonly bestBefore: BestState;
  /** The checkpoint that it continues from. */
  readonly checkpoint: string | undefined;
  /** When the run was first started: local time without a zone, for templates that write the date. */
  readonly startedAt: string;
}

export interface PrepareOptions {
  /** Continue from the newest complete checkpoint. */
  readonly resume: boolean;
  /** The settings that a resumed run was started with before, if known. */
  readonly before?: RunConfig | undefined;
  /** Whether local workers are started: files that each of them needs are then prepared once. Default: false. */
  readonly localWorkers?: boolean | undefined;
  /** Data sets of the hub. Default: looked up again. */
  readonly datasets?: DatasetVersions | undefined;
  /** Called with notes for the user: a dropped example, a damaged checkpoint. */
  readonly note: (text: string) => void;
  /** Called with the current activity. */
  readonly progress: (text: string) => void;
  /** The wall clock. */
  readonly now: () => Date;
  /** The learning rate of each step, instead of the schedule in `training`. Default: that schedule. */
  readonly learningRate?: ((step: StepNumber) => number) | undefined;
}

export async function prepareRun(config: RunConfig, options: PrepareOptions): Promise<PreparedRun> {
  const checkpoint = options.resume ? await checkpointToResume(config, options) : undefined;
  const path = await resolveModel(config.model, { onProgress: options.progress });
  const modelFolder = await openModelFolder(path);
  const lora = loraSettings(config);
  const modules = resolveTargets(lora, linearModules(modelFolder));
  checkRank(config, modules);
  const layout = loraLayout(lora, modules);
  checkMemory(layout, { memory: hostLimits().memory, workers: options.localWorkers === true ? config.workers : 0 });
  for (const note of weightNotes(modelFolder)) options.note(note);
  checkMaxLength(config, modelFolder);
  const { learningRateOf, check } = schedules(config.training);
  check();
  const parameters = await startingParameters(config, layout, options.note);
  const startedAt = checkpoint?.startedAt ?? localTime(options.now());
  options.progress("reading the data");
  const doing = rarely({ tell: options.progress });
  const { init_adapter: adapter } = config.lora;
  const { chat_template: chatTemplate, chat_template_kwargs: templateKwargs } = config.data;
  const tokenizer = await openTokenizerIfAny(path, { adapter });
  (await adapterTextNotes(tokenizer, chatTemplate)).forEach(options.note);
  const common = {
    data: config.data,
    tokenizer,
    onWarning: options.note,
    datasets: options.datasets,
    cacheDir: cacheFolderIfAny(),
    now: () => new Date(startedAt),
    onProgress: (done: number) => doing({ what: "reading the data", done, unit: "examples" }),
  };
  const data = dataOf(config);
  // A split has every copy of an example on one side.
  const duplicates = data.evaluation === null || data.training.side !== undefined ? undefined : new Duplicates();
  // Both sides of a split read the same files.
  const told = new Set<string>();
  const onWarning = (text: string): void => {
    if (!told.has(text)) options.note(text);
    told.add(text);
  };
  const train = await buildTokenStore({ ...common, onWarning, source: data.training, onExample: duplicates?.train });
  const evaluation =
    data.evaluation === null
      ? undefined
      : await buildTokenStore({ ...common, onWarning, source: data.evaluation, onExample: duplicates?.evaluate });
  const copied = duplicates?.note();
  if (copied !== undefined) options.note(copied);
  const generation = await prepareGeneration({
    config,
    modelFolder,
    tokenizer,
    evaluation: data.evaluation,
    datasets: options.datasets,
    note: options.note,
    now: () => new Date(startedAt),
  });
  const { global_batch_size: globalBatchSize } = config.training;
  const planOf = (length: RunLength): StepPlan =>
    stepPlan({
      rows: train.rowCount,
      globalBatchSize,
      seed: config.seed,
      shuffle: config.data.shuffle,
      maxSteps: length.max_steps,
      epochs: length.num_train_epochs,
      microBatchSize: config.training.micro_batch_size,
    });
  const plan = planOf(config.training);
  if (checkpoint?.before !== undefined) {
    const planned = (length: RunLength): PlannedLength => {
      const { totalSteps } = planOf(length);
      return { length, totalSteps, learningRate: learningRateOf(totalSteps) };
    };
    const { path: from, step, before } = checkpoint;
    const scheduler = config.training.lr_scheduler_type;
    options.note(
      checkExtension({ checkpoint: from, step, scheduler, before: planned(before), now: planned(config.training) }),
    );
  }
  if (globalBatchSize > train.rowCount)
    options.note(
      `training.global_batch_size is ${globalBatchSize}, but the data has ${train.rowCount} rows: every step takes all of them`,
    );
  const evaluations = evaluationsNote(config.training, plan.totalSteps);
  if (evaluations !== null) options.note(evaluations);
  options.progress("hashing the model");
  const manifest = await modelManifest(path, {
    onProgress: (done, total) => doing({ what: "hashing the model", done, total, unit: "bytes" }),
  });
  if (adapter !== null) await noteOrigin(adapter, modelFolder, config, options);
  if (config.quantization !== null && options.localWorkers === true) {
    options.progress("quantising the model");
    await quantizeModel(modelFolder, config.quantization, (done, total) =>
      doing({ what: "quantising the model", done, total, unit: "bytes" }),
    );
  }
  const replica = newReplica(config.training, layout.size);
  replica.parameters.set(parameters);
  const prepared = {
    config,
    modelFolder,
    manifest,
    inferenceFiles: await inferenceFiles({ folder: path, adapter, chatTemplate, templateKwargs }),
    layout,
    layoutFingerprint: layoutFingerprint(layout),
    targets: modules.map((module) => module.path),
    train,
    evaluation,
    generation,
    plan,
    learningRate: options.learningRate ?? learningRateOf(plan.totalSteps),
    replica,
    initialParameters: parameters,
    startedAt,
    checkpoint: checkpoint?.path,
  };
  const past =
    checkpoint === undefined
      ? { tokensBefore: { all: 0, supervised: 0 }, bestBefore: notEvaluated }
      : await resume(prepared, checkpoint.path, options);
  return { ...prepared, ...past };
}

/** An example may be as long as max_length, whether rows are packed or not. */
function checkMaxLength({ data: { max_length: longest } }: RunConfig, model: ModelFolder): void {
  const limit = positionLimit(model);
  if (limit === null || longest <= limit.positions) return;
  throw new CoxswainError(
    "config",
    `data.max_length is ${longest}, but the model takes examples of up to ${limit.positions} tokens ` +
      `(${model.path}/config.json: ${limit.reason})`,
    { hint: `Set data.max_length to ${limit.positions} or less.` },
  );
}

function newReplica(training: TrainingConfig, size: number): Replica {
  const { adam_beta1: beta1, adam_beta2: beta2, adam_epsilon: epsilon, weight_decay: weightDecay } = training;
  return new Replica(size, { beta1, beta2, epsilon, weightDecay });
}

/** Checks the settings of the schedule early; the number of steps that it needs is known only later. */
function schedules(training: TrainingConfig): {
  learningRateOf: (totalSteps: number) => (step: StepNumber) => number;
  check: () => void;
} {
  const learningRateOf = (totalSteps: number): ((step: StepNumber) => number) =>
    learningRateSchedule({
      type: training.lr_scheduler_type,
      kwargs: training.lr_scheduler_kwargs,
      learningRate: training.learning_rate,
      warmupSteps: warmupSteps(training, totalSteps),
      totalSteps,
    });
  return {
    learningRateOf,
    check: () => {
      learningRateOf(training.max_steps ?? 1000);
    },
  };
}

async function startingParameters(
  config: RunConfig,
  layout: LoraLayout,
  note: PrepareOptions["note"],
): Promise<Float32Array> {
  const { init_adapter: folder } = config.lora;
  if (folder === null) return initialParameters(layout, config.seed);
  const adapter = await readAdapter(folder);
  if (adapter.quantization !== null && adapter.quantization !== config.quantization) {
    note(`lora.init_adapter was trained on ${adapter.quantization} weights; this run computes with them as they are`);
  }
  return flattenAdapter(adapter, layout, loraSettings(config));
}

/** Notes what the adapter that a run starts from was trained on, where this run has something else. */
async function noteOrigin(
  path: string,
  model: ModelFolder,
  config: RunConfig,
  { note }: PrepareOptions,
): Promise<void> {
  const origin = await readAdapterOrigin(path);
  const text = await otherBaseNote(origin, model, config.model);
  if (text !== null) note(text);
  const [then, now] = [origin.templateKwargs, config.data.chat_template_kwargs];
  if (!isDeepStrictEqual({ ...then }, { ...now })) {
    note(
      `lora.init_adapter was trained with the chat template variables ${JSON.stringify(then)}; this run uses ` +
        `${JSON.stringify(now)} (data.chat_template_kwargs)`,
    );
  }
}

/** "2026-11-25T13:05:00": without a zone, so that the date and hour are the same wherever the run is resumed. */
const localTime = (date: Date): string =>
  new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);

interface ResumedFrom {
  readonly path: string;
  readonly step: number;
  readonly startedAt: string | undefined;
  /** The length that the run had, if that has changed. */
  readonly before: RunLength | undefined;
}

/**
 * Read before the data, whose chat template may write the start date of the run. Changed settings are also reported
 * before that.
 */
async function checkpointToResume(
  config: RunConfig,
  { note, before }: PrepareOptions,
): Promise<ResumedFrom | undefined> {
  const skipped: string[] = [];
  const path = await newestCheckpoint(config.output_dir, { onSkip: (text) => skipped.push(text) });
  if (path === undefined) {
    await checkRestart({ config, before, skipped });
    note("there is no checkpoint yet: starting at step 0");
    return undefined;
  }
  skipped.forEach(note);
  const trainer = await readTrainerState(path);
  const from = { path, step: trainer.step, startedAt: trainer.started_at };
  if (trainer.config_digest === configDigest(config)) return { ...from, before: undefined };
  const length = otherLength(config, trainer);
  if (length === undefined) throw otherThan(path, trainer, "settings", config, before);
  return { ...from, before: length };
}

/** Loads the checkpoint's state into the replica, if it belongs to this run. */
async function resume(
  run: Omit<PreparedRun, "tokensBefore" | "bestBefore">,
  path: string,
  { before }: PrepareOptions,
): Promise<Pick<PreparedRun, "tokensBefore" | "bestBefore">> {
  const found = await readTrainerState(path);
  if (found.model_hash !== run.manifest.hash) throw otherThan(path, found, "model", run.config, before);
  if (found.data_fingerprint !== run.train.fingerprint) throw otherThan(path, found, "data", run.config, before);
  const { trainer, state } = await readCheckpoint(path, run.layout);
  run.replica.assign(state);
  const bestBefore = bestStateOf(trainer);
  if (run.config.training.load_best_model_at_end) await requireBest(run.config.output_dir, bestBefore.best?.step);
  return { tokensBefore: trainer.tokens, bestBefore };
}

/** Settings that an older checkpoint lacks are taken from the output folder. */
function otherThan(
  path: string,
  { settings }: TrainerState,
  part: ChangedPart,
  config: RunConfig,
  before: RunConfig | undefined,
): CoxswainError {
  const then = settings ?? (before === undefined ? undefined : keptSettings(before));
  return otherRun(path, part, then, keptSettings(config));
}
