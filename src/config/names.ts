/** Display names of a run and its model, for metrics and the live page. Never a local path. */
import { basename, isAbsolute } from "node:path";
import { defaultRunName } from "./nats.js";
import type { RunConfig } from "./schema.js";

export interface RunNames {
  /** The last part of `output_dir`. */
  readonly run: string;
  /** The hub id, or the last part of the model's folder. */
  readonly model: string;
}

/** @param config a loaded config: a model folder has an absolute path */
export const runNames = ({ output_dir, model }: Pick<RunConfig, "output_dir" | "model">): RunNames => ({
  run: defaultRunName(output_dir),
  model: isAbsolute(model) ? basename(model) : model,
});
