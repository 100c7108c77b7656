/** The work of `coxswain doctor`: selects the model and the data, measures, and prints the report. */
import { loadRun, runSchema, type RunConfig } from "../../config/index.js";
import {
  buildTokenStore,
  DatasetVersions,
  dataOf,
  openTokenizer,
  openTokenizerIfAny,
  type DataInput,
  type Row,
} from "../../data/index.js";
import { examineMachine, examineMemory, examineModel, sampleText, type ModelDiagnosis } from "../../doctor/index.js";
import { CoxswainError } from "../../errors.js";
import { weightNotes } from "../../compute/index.js";
import { loraSettings, openModelFolder, resolveModel } from "../../model/index.js";
import { diagnosisJson, diagnosisText, findingsText } from "./report.js";
import { coloursFor } from "../terminal/colour.js";
import { quietProgress, warn, type QuietProgress } from "../terminal/quiet-progress.js";

export interface DoctorFlags {
  readonly set: readonly string[];
  readonly model?: string;
  readonly maxLength?: number;
  readonly rank?: number;
  readonly microBatchSizes: readonly number[];
  readonly threads: number;
  readonly json?: true;
}

/** Rows of the user's data that the loss is measured on. */
const sampleRows = 16;
/** Tokens of the sample text that is used without data. */
const sampleTokens = 512;

interface Subject {
  readonly config: RunConfig;
  /** The data to measure the loss on; null: the sample text that comes with the program. */
  readonly source: DataInput | null;
}

export async function doctor(
  file: string | undefined,
  flags: DoctorFlags,
  output: NodeJS.WritableStream & { readonly isTTY?: boolean | undefined } = process.stdout,
): Promise<void> {
  const subject = file === undefined ? withoutRun(flags) : await ofRun(file, flags);
  const memory = await examineMemory();
  const findings = await examineMachine(memory);
  const colours = coloursFor(output);
  // Printed first: measuring the model takes minutes.
  if (flags.json !== true) output.write(findingsText(findings, colours));
  const model = subject === null ? null : await measure(subject, flags);
  if (flags.json === true) output.write(`${JSON.stringify(diagnosisJson(findings, memory, model), null, 2)}\n`);
  else if (model !== null) output.write(diagnosisText(model, memory, colours));
  const bad = findings.find(({ state }) => state === "bad");
  if (bad !== undefined)
    throw new CoxswainError("config", `${bad.name}: ${bad.text}`, bad.hint === undefined ? {} : { hint: bad.hint });
}

async function ofRun(file: string, flags: DoctorFlags): Promise<Subject> {
  const { config } = await loadRun(file, flags.set);
  const { training, evaluation } = dataOf(config);
  return { config: withFlags(config, flags), source: evaluation ?? training };
}

function withoutRun(flags: DoctorFlags): Subject | null {
  if (flags.set.length > 0) throw new CoxswainError("usage", "--set changes a run file's settings, but none was given");
  if (flags.model === undefined) return null;
  const config = runSchema.parse({ model: flags.model, output_dir: ".", data: { train: "none" } });
  return { config: withFlags(config, flags), source: null };
}

function withFlags(config: RunConfig, { model, maxLength, rank }: DoctorFlags): RunConfig {
  return {
    ...config,
    model: model ?? config.model,
    data: { ...config.data, max_length: maxLength ?? config.data.max_length },
    lora: { ...config.lora, r: rank ?? config.lora.r },
  };
}

async function measure({ config, source }: Subject, flags: DoctorFlags): Promise<ModelDiagnosis> {
  const progress = quietProgress();
  const onProgress = (text: string): void => progress.show(text);
  try {
    const model = await resolveModel(config.model, { onProgress });
    for (const note of weightNotes(await openModelFolder(model))) warn(note);
    const { engine, device, dtype } = config.compute;
    return await examineModel({
      model,
      lora: loraSettings(config),
      compute: { engine, device, dtype, threads: flags.threads },
      length: config.data.max_length,
      rows: flags.microBatchSizes,
      sample: await sampleOf(model, config, source, progress),
      onProgress,
    });
  } finally {
    progress.close();
  }
}

/** Rows of the data, else of an English sample text; null if the model has no tokenizer. */
async function sampleOf(
  model: string,
  config: RunConfig,
  source: Subject["source"],
  progress: QuietProgress,
): Promise<Row[] | null> {
  if (source !== null) {
    progress.show("reading the data");
    const tokenizer = await openTokenizerIfAny(model, { adapter: config.lora.init_adapter });
    const store = await buildTokenStore({
      source,
      data: config.data,
      tokenizer,
      onWarning: warn,
      datasets: new DatasetVersions({ onProgress: (text) => progress.show(text), onNote: warn }),
      onProgress: (done) => progress.doing({ what: "reading the data", done, unit: "examples" }),
    });
    return Array.from({ length: Math.min(sampleRows, store.rowCount) }, (_, index) => store.row(index));
  }
  const tokenizer = await openTokenizer(model).catch(() => null);
  if (tokenizer === null) return null;
  const ids = (await tokenizer.encode(sampleText)).ids.slice(0, Math.min(sampleTokens, config.data.max_length));
  const inputIds = Int32Array.from(ids);
  return [{ inputIds, labels: inputIds, segments: [inputIds.length] }];
}
