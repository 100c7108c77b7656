/**
 * Which examples can be trained on, found before they are collected: a number of examples is held out of these alone.
 */
import { CoxswainError } from "../errors.js";
import type { Collector } from "./collector.js";
import { SourceFormats, type DataInput, type DataRecord } from "./sources/index.js";
import type { LineTokeniser, ReadLine, RefusedLine, TokenisedLine } from "./tokenise/index.js";

interface Means {
  readonly source: DataInput;
  readonly format: ConstructorParameters<typeof SourceFormats>[1];
  readonly formatOptions: ConstructorParameters<typeof SourceFormats>[2];
  readonly tokenise: LineTokeniser;
}

/** Answers which examples can be tokenised and have something to learn. */
export function goodExamples(
  { source, format, formatOptions, tokenise }: Means,
  collector: Pick<Collector, "check">,
): (records: readonly DataRecord[]) => Promise<readonly boolean[]> {
  const formats = new SourceFormats(source, format, formatOptions);
  const isGood = (line: TokenisedLine | RefusedLine | undefined, where: string): boolean => {
    if (line === undefined || "error" in line) return false;
    return attempt(() => {
      collector.check(line.parts, where);
      return true;
    }, false);
  };
  return async (records) => {
    const lines = records.map(({ value, where, repeatedKey, ...rest }): ReadLine | undefined =>
      attempt(() => ({ value, where, repeatedKey, format: formats.of({ value, where, ...rest }).format }), undefined),
    );
    const { results } = await tokenise(lines.filter((line) => line !== undefined));
    let next = 0;
    return lines.map((line) => line !== undefined && isGood(results[next++], line.where));
  };
}

/** The result, or the alternative if the example is bad. */
function attempt<T>(make: () => T, otherwise: T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof CoxswainError && error.code === "data") return otherwise;
    throw error;
  }
}
