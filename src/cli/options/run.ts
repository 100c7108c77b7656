/** The options that `train` and `coordinator` share: what is executed, and how. */
import type { Command } from "commander";
import type { TrainOptions } from "../train/train.js";

export interface RunFlags {
  readonly set: readonly string[];
  readonly resume?: true;
  readonly insecure?: true;
  readonly rescue?: string;
  readonly initFrom?: string;
}

/** Adds --resume, --init-from, --insecure and --rescue. */
export const runOptions = (command: Command): Command =>
  command
    .option("--resume", "continue from the newest checkpoint in output_dir")
    .option("--init-from <run>", "start from the adapter of another run: its output folder, an adapter or a checkpoint")
    .option("--insecure", "listen beyond loopback without TLS or a token")
    .option("--rescue <folder>", "where to write the adapter if the disk of output_dir is full");

/** The settings of a run, from its flags and from one that stands for a key of the run file. */
export const runSettings = (
  { set, resume, insecure, rescue, initFrom }: RunFlags,
  { flag, key, value }: { readonly flag: string; readonly key: string; readonly value: string | undefined },
): Pick<TrainOptions, "sets" | "resume" | "insecure" | "rescue" | "initFrom"> => ({
  sets: value === undefined ? set : [...set, { flag, key, value }],
  resume: resume === true,
  insecure: insecure === true,
  rescue,
  initFrom,
});
