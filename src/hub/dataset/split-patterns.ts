/**
 * The splits that file names show, in the order in which `datasets` tries them: `data/SPLIT-00000-of-00002.*`, folders
 * with a split's name, files with one in theirs, and all files as the training split. Pure.
 */
import { globNames, lastPart } from "./glob.js";

/** Patterns by split. */
export type SplitPatterns = ReadonlyMap<string, readonly string[]>;

const keywords = {
  train: ["train", "training"],
  validation: ["validation", "valid", "dev", "val"],
  test: ["test", "testing", "eval", "evaluation"],
} as const;

const separators = "[-._ 0-9]";
const digits = "[0-9]".repeat(5);
const shards = (split: string): string => `data/${split}-${digits}-of-${digits}*.*`;

const inFolderName = (word: string): string[] => [
  `**/${word}/**`,
  `**/${word}${separators}*/**`,
  `**/*${separators}${word}/**`,
  `**/*${separators}${word}${separators}*/**`,
];
const inFileName = (word: string): string[] => [`**/${word}${separators}*`, `**/*${separators}${word}${separators}*`];

/** @param names of the files, relative to the folder in question */
export function splitPatterns(names: readonly string[]): SplitPatterns {
  return sharded(names) ?? named(names, inFolderName) ?? named(names, inFileName) ?? new Map([["train", ["**"]]]);
}

function sharded(names: readonly string[]): SplitPatterns | undefined {
  const splits = new Set(
    globNames(shards("*"), names).flatMap((name) => /^(.+)-\d{5}-of-\d{5}/.exec(lastPart(name))?.[1] ?? []),
  );
  return splits.size === 0 ? undefined : new Map([...splits].sort().map((split) => [split, [shards(split)]]));
}

function named(names: readonly string[], patternsOf: (word: string) => string[]): SplitPatterns | undefined {
  const found = Object.entries(keywords)
    .map(([split, words]) => [split, words.flatMap(patternsOf)] as const)
    .filter(([, patterns]) => patterns.some((pattern) => globNames(pattern, names).length > 0));
  return found.length === 0 ? undefined : new Map(found);
}
