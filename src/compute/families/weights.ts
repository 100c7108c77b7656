/**
 * Checks that a model folder has the weights that its configuration calls for, in shapes and types that can be used.
 */
import { CoxswainError } from "../../errors.js";
import type { ModelFolder, TensorType } from "../../model/index.js";
import { headName } from "../../model/index.js";
import { weightShapes } from "./architecture.js";
import type { DecoderSpec } from "./spec.js";

const headHint =
  "tie_word_embeddings is false (or absent, in this family), so the files must have a head. Fetch the model again; if its " +
  "head is the embedding, set tie_word_embeddings to true in config.json.";

const usable: ReadonlySet<TensorType> = new Set(["F32", "F16", "BF16"]);

/** @throws CoxswainError "model" that names the first tensor that is missing or has an invalid shape or type */
export function checkWeights(model: ModelFolder, spec: DecoderSpec): void {
  for (const [name, shape] of weightShapes(spec)) {
    const found = model.tensors.get(name);
    if (found === undefined) {
      throw new CoxswainError("model", `${model.path}: tensor ${name} [${shape.join(", ")}] is missing`, {
        hint: name === headName ? headHint : "Download the model again; its config.json calls for this tensor.",
      });
    }
    if (found.shape.length !== shape.length || found.shape.some((size, axis) => size !== shape[axis])) {
      throw new CoxswainError(
        "model",
        `${model.path}: tensor ${name} in ${found.file} has shape [${found.shape.join(", ")}], ` +
          `but config.json requires [${shape.join(", ")}]`,
        { hint: "config.json and the weights belong to different models." },
      );
    }
    if (!usable.has(found.dtype)) {
      throw new CoxswainError("model", `${model.path}: tensor ${name} in ${found.file} is ${found.dtype}`, {
        hint: `Supported types of weights: ${[...usable].join(", ")}.`,
      });
    }
  }
}
