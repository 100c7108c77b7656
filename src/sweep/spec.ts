/**
 * The text of a sweep file: what is tried, how, and what trials are compared by. Every problem is reported with its
 * line. Does not look at the run file, whose keys it takes for granted: load.ts does.
 */
import { readSource, takesWholeNumbers, toConfigError } from "../config/index.js";
import type { Problem, Source } from "../config/index.js";
import { nearest } from "../nearest.js";
import { defaultRungs } from "./halving.js";
import type { Halving } from "./halving.js";
import { gridTrials, randomTrials, spaceSize } from "./space.js";
import type { Assignment, Parameter, Space } from "./space.js";

/** What trials are compared by. */
export type Metric = "eval_loss" | "exact_match";

export interface SweepSpec {
  /** The run file, as written. */
  readonly run: string;
  /** As written; undefined: `sweep` beside the run's `output_dir`. */
  readonly outputDir: string | undefined;
  readonly metric: Metric;
  readonly halving: Halving | undefined;
  readonly trials: readonly Assignment[];
  /** Line of a key of the sweep file. */
  readonly lineOf: Source["lineOf"];
}

/** The most trials of a sweep. */
export const mostTrials = 10_000;

const keys = ["run", "output_dir", "method", "trials", "seed", "metric", "parameters", "halving"];
const metrics: readonly string[] = ["eval_loss", "exact_match"] satisfies readonly Metric[];
const methods = ["grid", "random"];
const distributions = ["uniform", "log_uniform"];
const reference = "docs/sweep.md describes every key.";

/** Keys of a run file that are the sweep's own, or the same for all trials. */
const shared = /^(output_dir|workers|telemetry|cluster)(\.|$)/;
/** Of these, what trials may differ in. */
const exceptions = new Set(["cluster.all_reduce_dtype"]);

/** @param file its name, for messages @throws CoxswainError "config" that lists every problem */
export function parseSweep(text: string, file: string): SweepSpec {
  const problems: Problem[] = [];
  const source = readSource(text, file);
  if (text.trim() === "") fail([{ path: [], message: "the file is empty; `run` and `parameters` are needed" }]);
  if (!source.readable) fail(source.problems);
  const { values, lineOf } = source;
  const add = (path: Problem["path"], message: string): null => {
    problems.push({ path, message });
    return null;
  };
  if (!("run" in values) && "model" in values && "data" in values)
    fail([{ path: [], message: "is a run file; a sweep file names one (run: run.yaml) and has parameters" }]);
  problems.push(...source.problems);
  for (const key of Object.keys(values)) if (!keys.includes(key)) add([key], unknownKey(key, keys));
  const read = new Reader(values, add);
  const run = read.text("run", true) ?? "";
  const outputDir = read.text("output_dir", false);
  const method = read.choice("method", methods, "grid");
  const metric = read.choice("metric", metrics, "eval_loss") as Metric;
  const seed = read.whole(["seed"], values["seed"], 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const space = readSpace(values["parameters"], method, add);
  const count = readCount(read, values["trials"], { method, space, add });
  if (problems.length > 0) fail(problems);
  const trials = method === "grid" ? gridTrials(space) : randomTrials(space, count, seed);
  if (trials.length < count) add(["trials"], `the parameters have too few combinations for ${count} different trials`);
  const halving = readHalving(read, values["halving"], trials.length, add);
  if (problems.length > 0) fail(problems);
  return { run, outputDir: outputDir ?? undefined, metric, halving: halving ?? undefined, trials, lineOf };

  function fail(all: readonly Problem[]): never {
    const locate = (path: Problem["path"]) => {
      const line = source.lineOf(path);
      return line === undefined ? ({ from: "file", file } as const) : ({ from: "file", file, line } as const);
    };
    throw toConfigError(all, file, locate, reference);
  }
}

/** @returns what stands for a value that cannot be read */
type Add = (path: Problem["path"], message: string) => null;

class Reader {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #add: Add;

  constructor(values: Readonly<Record<string, unknown>>, add: Add) {
    this.#values = values;
    this.#add = add;
  }

  text(key: string, isRequired: boolean): string | null {
    const value = this.#values[key];
    if (value === undefined && !isRequired) return null;
    if (typeof value === "string" && value !== "") return value;
    return this.#add([key], value === undefined ? "required, but missing" : `must be a path, not ${shown(value)}`);
  }

  choice(key: string, choices: readonly string[], otherwise: string): string {
    const value = this.#values[key] ?? otherwise;
    if (typeof value === "string" && choices.includes(value)) return value;
    this.#add([key], `must be ${choices.map((each) => `"${each}"`).join(" or ")}, not ${shown(value)}`);
    return otherwise;
  }

  whole(path: Problem["path"], value: unknown, min: number, max: number): number | null {
    if (value === undefined) return null;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max.toLocaleString("en")}`;
    return this.#add(path, `must be a whole number, ${range}, not ${shown(value)}`);
  }
}

function readCount(
  read: Reader,
  trials: unknown,
  { method, space, add }: { readonly method: string; readonly space: Space; readonly add: Add },
): number {
  const size = spaceSize(space);
  if (method === "grid") {
    if (trials !== undefined) add(["trials"], 'is a key of method "random": a grid has all combinations');
    if (Number.isFinite(size) && size > mostTrials)
      add(["parameters"], `are ${size.toLocaleString("en")} combinations; at most ${mostTrials} trials are possible`);
    return size;
  }
  if (trials === undefined) add(["trials"], 'required with method "random", but missing');
  const count = read.whole(["trials"], trials, 1, mostTrials) ?? 1;
  if (count > size)
    add(["trials"], `the parameters have only ${size} combinations: reduce trials, or use method "grid"`);
  return count;
}

function readHalving(read: Reader, value: unknown, trials: number, add: Add): Halving | null {
  if (value === undefined || value === null) return null;
  const section = sectionOf(value);
  if (section === undefined) return add(["halving"], `must be a section, such as {eta: 3}, not ${shown(value)}`);
  for (const key of Object.keys(section))
    if (!["eta", "rungs"].includes(key)) add(["halving", key], unknownKey(key, ["eta", "rungs"]));
  const eta = read.whole(["halving", "eta"], section["eta"], 2, 1000) ?? 3;
  if (trials < eta)
    return add(["halving"], `keeps one of ${eta} trials, and there ${trials === 1 ? "is 1" : `are ${trials}`}`);
  const most = defaultRungs(trials, eta);
  const rungs = read.whole(["halving", "rungs"], section["rungs"], 2, most) ?? most;
  return { eta, rungs };
}

function readSpace(value: unknown, method: string, add: Add): Space {
  const section = sectionOf(value);
  const space = new Map<string, Parameter>();
  if (section === undefined || Object.keys(section).length === 0) {
    const problem = value === undefined ? "required, but missing" : "must have at least one key of the run file";
    add(["parameters"], problem);
    return space;
  }
  for (const [key, given] of Object.entries(section)) {
    const path = ["parameters", key];
    if (shared.test(key) && !exceptions.has(key)) add(path, "is the same for all trials: set it in the run file");
    const parameter = Array.isArray(given)
      ? readValues(path, given as readonly unknown[], add)
      : readRange(path, key, given, add);
    if (parameter?.kind === "range" && method === "grid")
      add(path, 'a range needs method "random"; a grid needs a list of values');
    if (parameter !== null) space.set(key, parameter);
  }
  return space;
}

function readValues(path: Problem["path"], values: readonly unknown[], add: Add): Parameter | null {
  if (values.length === 0) return add(path, "must not be an empty list");
  const texts = values.map((value) => JSON.stringify(value));
  const repeated = texts.find((text, index) => texts.indexOf(text) < index);
  if (repeated !== undefined) return add(path, `has the value ${repeated} twice`);
  return { kind: "values", values };
}

function readRange(path: Problem["path"], key: string, given: unknown, add: Add): Parameter | null {
  const section = sectionOf(given);
  if (section === undefined) return add(path, `must be a list of values or a range, not ${shown(given)}`);
  const known = ["min", "max", "distribution"];
  for (const name of Object.keys(section)) if (!known.includes(name)) add([...path, name], unknownKey(name, known));
  const { min, max, distribution } = section;
  for (const [name, bound] of [["min", min] as const, ["max", max] as const])
    if (typeof bound !== "number" || !Number.isFinite(bound))
      return add(
        bound === undefined ? path : [...path, name],
        bound === undefined ? `needs ${name}` : `must be a number, not ${shown(bound)}`,
      );
  if (typeof distribution !== "string" || !distributions.includes(distribution))
    return add(
      distribution === undefined ? path : [...path, "distribution"],
      `${distribution === undefined ? "needs distribution:" : "must be"} log_uniform (rates, ranks) or uniform`,
    );
  const [low, high] = [Number(min), Number(max)];
  if (low >= high) return add(path, `is an empty range: min ${low} is not below max ${high}`);
  if (distribution === "log_uniform" && low <= 0) return add(path, `min must be above 0 for log_uniform, not ${low}`);
  const whole = takesWholeNumbers(key);
  if (whole === true && !(Number.isSafeInteger(low) && Number.isSafeInteger(high)))
    return add(path, "min and max must be whole numbers, as the key's values are");
  return {
    kind: "range",
    min: low,
    max: high,
    distribution: distribution === "uniform" ? "uniform" : "log_uniform",
    whole: whole === true,
  };
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return near === undefined ? `unknown key; known are ${known.join(", ")}` : `unknown key (did you mean "${near}"?)`;
}

const sectionOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

const shown = (value: unknown): string => {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};
