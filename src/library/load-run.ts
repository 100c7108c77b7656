/** A run as the library's functions take it: a run file's path, an object with its keys, or one that was read before. */
import { CoxswainError } from "../errors.js";
import type { LoadedRun, RunConfigInput } from "../config/index.js";

/**
 * What is trained: the path of a run file, an object with the keys of one, or what {@link loadRun} returned. Relative paths
 * in a file are relative to its folder, those in an object to the working directory.
 */
export type RunSource = string | RunConfigInput | LoadedRun;

/** Some keys of a run file, each in place of the run's own: sections are merged, lists are replaced. */
export type RunOverrides = DeepPartial<RunConfigInput>;

/** All keys may be omitted, those of sections as well. */
export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Key in keyof T]?: DeepPartial<T[Key]> | undefined }
    : T;

/**
 * Reads and checks a run without starting anything: defaults are applied, paths are made absolute.
 *
 * @param run the path of a run file, or an object with its keys. For a file, the environment's secrets count as on the
 *   command line (`COXSWAIN_TOKEN` sets `cluster.token`); for an object they do not: give the token in it.
 * @param overrides keys in place of the run's own
 * @returns the run, which every function that takes a run accepts
 * @throws CoxswainError "config" that names every key that is unknown, wrong or missing, with its line where it is in a file
 */
export async function loadRun(run: RunSource, overrides: RunOverrides = {}): Promise<LoadedRun> {
  const config = await import("../config/index.js");
  const values = config.valueOverrides(overrides);
  if (typeof run === "string") return config.loadRun(run, values);
  if (!isLoaded(run)) return config.loadRunObject(run, process.cwd(), values);
  if (values.length === 0) return run;
  throw new CoxswainError("usage", "overrides are given for a run that was read before", {
    hint: "Give them to loadRun().",
  });
}

/** An object that a program made has no such key: it would be an unknown one. */
const isLoaded = (run: RunConfigInput | LoadedRun): run is LoadedRun =>
  Object(run) === run && "isGiven" in run && typeof run.isGiven === "function";
