/** Reads a run in the forms that the library accepts: a run file's path, an object with its keys, or a loaded run. */
import { CoxswainError } from "../errors.js";
import type { LoadedRun, RunConfigInput } from "../config/index.js";

/**
 * A run: the path of a run file, an object with the keys of one, or the result of {@link loadRun}. Paths in a file are
 * relative to its folder, those in an object to the working directory.
 */
export type RunSource = string | RunConfigInput | LoadedRun;

/** Keys of a run file that override those of the run: sections are merged, lists are replaced. */
export type RunOverrides = DeepPartial<RunConfigInput>;

/** Makes all keys optional, including those of sections. */
export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Key in keyof T]?: DeepPartial<T[Key]> | undefined }
    : T;

/**
 * Reads and checks a run without starting anything: defaults are applied, paths are made absolute.
 *
 * @param run the path of a run file, or an object with its keys. For a file, secrets are read from the environment as on
 *   the command line (`COXSWAIN_TOKEN` sets `cluster.token`); for an object they are not: give the token in it.
 * @param overrides keys that override those of the run
 * @returns the run, which every function that takes a run accepts
 * @throws CoxswainError "config" that names every unknown, invalid or missing key, with its line for a file
 */
export async function loadRun(run: RunSource, overrides: RunOverrides = {}): Promise<LoadedRun> {
  const isObject = typeof run !== "string" && !isLoaded(run);
  // That of the call: the program may change it while modules are loaded.
  const directory = isObject ? process.cwd() : "";
  const config = await import("../config/index.js");
  const values = config.valueOverrides(overrides);
  if (typeof run === "string") return config.loadRun(run, values);
  if (!isLoaded(run)) return config.loadRunObject(run, directory, values);
  if (values.length === 0) return run;
  throw new CoxswainError("usage", "overrides are given for a run that is already loaded", {
    hint: "Give them to loadRun().",
  });
}

/** Only loaded runs have this key: in an object with the keys of a run file it would be unknown. */
const isLoaded = (run: RunConfigInput | LoadedRun): run is LoadedRun =>
  Object(run) === run && "isGiven" in run && typeof run.isGiven === "function";
