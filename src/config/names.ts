/** What a run and its model are called where people look: in metrics and on the live page. Never a path of the machine. */
import { basename, isAbsolute } from "node:path";
import { defaultRunName } from "./nats.js";
import type { RunConfig } from "./schema.js";

export interface RunNames {
  /** The last part of `output_dir`. */
  readonly run: string;
  /** The hub id, or the last part of the model's folder. */
  readonly model: string;
}

/** @param config as it was loaded: a model that is a folder has an absolute path */
export const runNames = ({ output_dir, model }: Pick<RunConfig, "output_dir" | "model">): RunNames => ({
  run: defaultRunName(output_dir),
  model: isAbsolute(model) ? basename(model) : model,
});
