/** Looks at the model, the data and this machine for `coxswain init`. */
import { modelFacts, positionLimit, type ModelFacts } from "../../compute/index.js";
import type { LoadedRun } from "../../config/index.js";
import { advise, examineMemory, examineModel, type Advice } from "../../doctor/index.js";
import { hostLimits } from "../../host/index.js";
import { preview } from "../../library/index.js";
import { loraSettings, openModelFolder, resolveModel } from "../../model/index.js";
import { planRows, type RowPlan } from "../../tune/index.js";

export interface Inspection {
  readonly facts: ModelFacts;
  readonly rows: RowPlan;
  /** Examples of the training data. */
  readonly examples: number;
  readonly advice: Advice;
  /** Memory that is free, bytes. */
  readonly available: number;
}

export interface InspectOptions {
  readonly quantization: "auto" | "none" | "nf4";
  readonly show: (text: string) => void;
  readonly note: (text: string) => void;
}

/** Longer examples are counted as being of this length, tokens. */
const longestLooked = 131_072;
const microBatchSizes = [1, 2, 4, 8, 16];

/**
 * @param run model and data; its other settings are defaults
 * @throws CoxswainError "model" or "data"
 */
export async function inspect(run: LoadedRun, { quantization, show, note }: InspectOptions): Promise<Inspection> {
  const { config } = run;
  const path = await resolveModel(config.model, { onProgress: show });
  const folder = await openModelFolder(path);
  const facts = modelFacts(folder);
  const limit = positionLimit(folder)?.positions ?? null;
  const held = config.data.eval;
  // The lengths are those of all examples, also of those that will be held out.
  const data = {
    ...config.data,
    eval: typeof held === "number" ? null : held,
    max_length: Math.min(limit ?? longestLooked, longestLooked),
    packing: false,
  };
  const read = await preview({ ...run, config: { ...config, data } }, { onProgress: show, onNote: note });
  if (held !== null && typeof held !== "number")
    await preview({ ...run, config: { ...config, data } }, { split: "eval", onProgress: show, onNote: note });
  const lengths = Array.from({ length: read.rowCount }, (_, index) => read.tokens(index).inputIds.length);
  const rows = planRows({ lengths, limit });
  const { available } = await examineMemory();
  const { engine, device, dtype } = config.compute;
  const { methods } = await examineModel({
    model: path,
    lora: loraSettings(config),
    compute: { engine, device, dtype, threads: hostLimits().cores },
    length: rows.maxLength,
    rows: microBatchSizes,
    sample: null,
    onProgress: show,
  });
  const allowed = methods.filter(
    (method) => quantization === "auto" || method.quantization === (quantization === "nf4" ? "nf4" : null),
  );
  return { facts, rows, examples: read.statistics.examples, advice: advise(allowed, available), available };
}
