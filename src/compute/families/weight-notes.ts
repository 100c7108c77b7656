/** Notes for the user about differences between config.json and a model's tensors. */
import type { ModelFolder, TensorType } from "../../model/index.js";
import { headName } from "../../model/index.js";
import { embeddingWeight, weightShapes } from "./architecture.js";
import { describeFolder, type DescribedFolder } from "./index.js";
import { listed } from "../../listed.js";

/**
 * One sentence per warning about the model: none for most models. transformers prints the same warnings, except for the
 * type.
 * @throws CoxswainError "model", as `describeFolder`
 */
export function weightNotes(folder: ModelFolder): string[] {
  const described = describeFolder(folder);
  return [...headNote(described), ...unusedNote(described), ...typeNote(described)];
}

function headNote({ model, spec, untied }: DescribedFolder): string[] {
  if (!untied) return [];
  return [
    `${model.path}: config.json has tie_word_embeddings true (or leaves it to its family), but ${headName} differs from ${embeddingWeight(spec)}: ` +
      `${headName} is used as the head (set tie_word_embeddings to false to silence this)`,
  ];
}

/** Buffers in old files, which are recomputed; and a head that equals the embedding. */
const ignored = /rotary_emb\.inv_freq$|\.attn\.(bias|masked_bias)$/;

function unusedNote({ model, spec }: DescribedFolder): string[] {
  const used = new Set(weightShapes(spec).keys());
  const unused = [...model.tensors.keys()].filter(
    (name) => !used.has(name) && !ignored.test(name) && !(name === headName && spec.tiedEmbeddings),
  );
  if (unused.length === 0) return [];
  const one = unused.length === 1;
  return [
    `${model.path}: ${unused.length} ${one ? "tensor" : "tensors"} of the files ${one ? "is" : "are"} not used, since ` +
      `config.json does not call for ${one ? "it" : "them"}: ${listed(unused, 4)}`,
  ];
}

const storedAs: Readonly<Record<string, TensorType>> = { float32: "F32", float16: "F16", bfloat16: "BF16" };

/** Only if config.json names a type that cannot represent the stored values. Vectors are often stored in more bits. */
function typeNote({ model, spec }: DescribedFolder): string[] {
  const said = model.config["dtype"] ?? model.config["torch_dtype"];
  const type = typeof said === "string" ? storedAs[said] : undefined;
  if (type === undefined || type === "F32") return [];
  const others = [...weightShapes(spec)]
    .filter(([, shape]) => shape.length === 2)
    .flatMap(([name]) => {
      const stored = model.tensors.get(name)?.dtype ?? type;
      return stored === type ? [] : [`${name} (${stored})`];
    });
  if (others.length === 0) return [];
  return [
    `${model.path}: config.json has dtype ${String(said)}, but some weights are stored in another type: ${listed(others, 2)}. They are ` +
      `used as stored; transformers rounds them to ${String(said)} unless another dtype is requested`,
  ];
}
