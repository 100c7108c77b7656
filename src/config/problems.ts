/** Problems of a run file, one line each, reported in one error. */
import { CoxswainError } from "../errors.js";
import { dotted, type KeyPath } from "./keys.js";

export interface Problem {
  /** The key, from the root; empty for the whole file. */
  readonly path: KeyPath;
  /** Without place and key: "unknown key (did you mean …?)". */
  readonly message: string;
  /** The problem's location if it is not the key's (syntax errors, duplicate keys). */
  readonly place?: Place;
}

/** The origin of a value. */
export type Place =
  | { readonly from: "file"; readonly file: string; readonly line?: number }
  /** `flag` as typed, with the key ("--set training.lr") or without ("--workers"); `key` is the dotted key it sets. */
  | { readonly from: "flag"; readonly flag: string; readonly key: string }
  | { readonly from: "environment"; readonly variable: string; readonly key: string };

/** Locates a key, or the section that it is missing from. */
export type Locate = (path: KeyPath) => Place;

/** `run.yaml:12: training.lerning_rate: unknown key`, `--set training.lr: unknown key`. */
export function formatProblem(problem: Problem, locate: Locate): string {
  const place = problem.place ?? locate(problem.path);
  const key = dotted(problem.path);
  switch (place.from) {
    case "file":
      return [place.line === undefined ? place.file : `${place.file}:${place.line}`, key, problem.message]
        .filter((part) => part !== "")
        .join(": ");
    case "flag":
      return [place.flag, place.key === key ? "" : key, problem.message].filter((part) => part !== "").join(": ");
    case "environment":
      return `${place.variable}: ${problem.message}`;
  }
}

/**
 * Combines problems into one error: in file order, then those of flags.
 * @param reference the end of the hint
 */
export function toConfigError(
  problems: readonly Problem[],
  file: string,
  locate: Locate,
  reference = "docs/run-file.md describes every key.",
): CoxswainError {
  const order = (problem: Problem): number => {
    const place = problem.place ?? locate(problem.path);
    return place.from === "file" ? (place.line ?? 0) : Number.MAX_SAFE_INTEGER;
  };
  const lines = [...problems].sort((a, b) => order(a) - order(b)).map((problem) => formatProblem(problem, locate));
  const message =
    lines.length === 1
      ? lines.join("")
      : `${file} has ${lines.length} problems:\n${lines.map((l) => `  ${l}`).join("\n")}`;
  return new CoxswainError("config", message, {
    hint: `Correct ${lines.length === 1 ? "it" : "them"} and start again; ${reference}`,
  });
}
