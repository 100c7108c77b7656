/**
 * The search space of a sweep, and the settings of each trial. A random trial depends on the seed, its number and the
 * parameter's name only, unless it would repeat an earlier one: adding trials changes none of the others. Pure.
 */
import { hashName, PhiloxStream, streams } from "../math/index.js";

/** What a parameter may be: one of several values, or a number of a range. */
export type Parameter =
  | { readonly kind: "values"; readonly values: readonly unknown[] }
  | {
      readonly kind: "range";
      readonly min: number;
      readonly max: number;
      readonly distribution: "uniform" | "log_uniform";
      /** The run file's key takes whole numbers. */
      readonly whole: boolean;
    };

/** Parameters by their dotted keys, in the order of the file. */
export type Space = ReadonlyMap<string, Parameter>;

/** What a trial sets, by dotted key. */
export type Assignment = Readonly<Record<string, unknown>>;

/** Every combination of values: the last parameter varies fastest, as in nested loops. */
export function gridTrials(space: Space): readonly Assignment[] {
  return [...space].reduce<readonly Assignment[]>(
    (trials, [key, parameter]) =>
      trials.flatMap((trial) =>
        (parameter.kind === "values" ? parameter.values : []).map((value) => ({ ...trial, [key]: value })),
      ),
    [{}],
  );
}

/** Number of combinations; infinite with a range that is not of whole numbers. */
export function spaceSize(space: Space): number {
  return [...space.values()].reduce((product, parameter) => product * sizeOf(parameter), 1);
}

function sizeOf(parameter: Parameter): number {
  if (parameter.kind === "values") return parameter.values.length;
  return parameter.whole ? parameter.max - parameter.min + 1 : Infinity;
}

/** Draws per trial until it differs from those before it. */
const attempts = 1_000;

/**
 * Different random trials.
 * @param count at most the space's size
 * @returns fewer than `count` if the space has hardly more combinations
 */
export function randomTrials(space: Space, count: number, seed: number): readonly Assignment[] {
  const found = new Map<string, Assignment>();
  for (let index = 0; index < count; index++) {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const trial = drawTrial(space, seed, index + attempt * 0x10000);
      const name = JSON.stringify(trial);
      if (found.has(name)) continue;
      found.set(name, trial);
      break;
    }
  }
  return [...found.values()];
}

function drawTrial(space: Space, seed: number, member: number): Assignment {
  return Object.fromEntries(
    [...space].map(([key, parameter]) => {
      const random = new PhiloxStream(seed, streams.sweep, member, hashName(key));
      return [key, draw(parameter, random)];
    }),
  );
}

function draw(parameter: Parameter, random: PhiloxStream): unknown {
  if (parameter.kind === "values") return parameter.values[random.below(parameter.values.length)];
  const { min, max, distribution, whole } = parameter;
  // A whole number has the same share of the range as its neighbours, at the ends too.
  const [low, high] = whole ? [min - 0.5, max + 0.5] : [min, max];
  const share = random.uniform();
  const value =
    distribution === "uniform"
      ? low + share * (high - low)
      : Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low)));
  return Math.min(max, Math.max(min, whole ? Math.round(value) : rounded(value)));
}

/** Three significant digits: enough for a setting, and short enough for a table. */
const rounded = (value: number): number => Number(value.toPrecision(3));
