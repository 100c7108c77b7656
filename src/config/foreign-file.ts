/** What a file is that was given where a run file is expected, and what to give instead. Pure. */
import { basename, dirname } from "node:path";
import { CoxswainError } from "../errors.js";
import { exampleKeys } from "./choices.js";

interface Foreign {
  /** "a data file (JSONL)" */
  readonly what: string;
  readonly hint: string;
}

const dataNames: readonly (readonly [RegExp, string])[] = [
  [/\.(jsonl|ndjson)$/i, "JSONL"],
  [/\.(csv|tsv)$/i, "a table"],
  [/\.parquet$/i, "Parquet"],
  [/\.arrow$/i, "Arrow"],
];

/** How files of other formats begin. */
const beginnings: readonly (readonly [string, string])[] = [
  ["PAR1", "Parquet"],
  ["ARROW1", "Arrow"],
];

const asData = (path: string, format: string): Foreign => ({
  what: `a data file (${format})`,
  hint: `A run file names it: \`data: {train: ${path}}\`. \`coxswain init --data ${path}\` writes one.`,
});

const ofRun = (path: string): Foreign => ({
  what: "a record that a run has written",
  hint: `Give the run's run file, or ${dirname(path)}, its output folder, where a command takes one.`,
});

const weights: Foreign = {
  what: "a file of weights",
  hint: "A run file names the model's folder: `model: FOLDER`. `coxswain init` writes one.",
};

/** @returns undefined for what may be a run file, perhaps one with mistakes */
export function foreignFile(path: string, bytes: Uint8Array): CoxswainError | undefined {
  const found = foreign(path, bytes);
  if (found === undefined) return undefined;
  return new CoxswainError("config", `${path}: is ${found.what}, not a run file`, { hint: found.hint });
}

function foreign(path: string, bytes: Uint8Array): Foreign | undefined {
  if (/^(metrics|events|samples)\.jsonl$/.test(basename(path))) return ofRun(path);
  const name = path.replace(/\.(gz|zst)$/i, "");
  const named = dataNames.find(([pattern]) => pattern.test(name))?.[1];
  if (named !== undefined) return asData(path, named);
  if (/\.(safetensors|gguf|bin|pt|pth)$/i.test(path)) return weights;
  const start = Buffer.from(bytes.subarray(0, 8)).toString("latin1");
  const begun = beginnings.find(([mark]) => start.startsWith(mark))?.[1];
  if (begun !== undefined) return asData(path, begun);
  return ofText(path, Buffer.from(bytes).toString("utf8"));
}

/** JSON is YAML, so an object may be a run file: its keys decide. */
function ofText(path: string, text: string): Foreign | undefined {
  const [first = "", second = ""] = text.split("\n").filter((line) => line.trim() !== "");
  const value = parsed(text) ?? parsed(first);
  if (Array.isArray(value)) return isObject(value[0]) ? asData(path, "a JSON list") : undefined;
  if (!isObject(value)) return undefined;
  if ("peft_type" in value || "model_type" in value) {
    const kind = "peft_type" in value ? "an adapter" : "a model";
    return {
      what: `the configuration of ${kind}`,
      hint: `Give its folder, ${dirname(path)}, where a command takes ${kind}; a run file is YAML.`,
    };
  }
  const isLine = isObject(parsed(second));
  const isExample = exampleKeys.some((key) => key in value) && !("output_dir" in value);
  return isLine || isExample ? asData(path, isLine ? "JSONL" : "JSON") : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
