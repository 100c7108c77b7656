/** The options of a chaos run, and what is known once its run file has been read. */
import type { RunConfig } from "../config/index.js";
import type { Guard } from "./guard.js";
import type { ChaosPlan, PlanRequest } from "./plan.js";

export interface ChaosOptions {
  /** The program's main module. */
  readonly program: string;
  readonly runFile: string;
  /** `key=value` of each --set. */
  readonly sets: readonly string[];
  readonly insecure: boolean;
  /** Undefined: the run file's, at least two. */
  readonly workers: number | undefined;
  readonly seed: number;
  readonly plan: PlanRequest;
  /** Seconds without a commit after which the run is given up. */
  readonly giveUpAfter: number;
  /** Undefined: a folder beside the run's output_dir, named after the seed. */
  readonly output: string | undefined;
  /** An earlier undisturbed run. */
  readonly reference: string | undefined;
  /** Prints a persistent line. */
  readonly note: (text: string) => void;
  /** Called before the first fault, with what a replay needs. */
  readonly planned: (plan: ChaosPlan, folder: string) => void;
  readonly signal: AbortSignal;
}

export interface Setting {
  readonly options: ChaosOptions;
  readonly config: RunConfig;
  readonly workers: number;
  readonly folder: string;
  readonly guard: Guard;
}
