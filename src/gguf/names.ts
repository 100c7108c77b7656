/**
 * What llama.cpp calls the families and their linear layers, and how it orders rows. From `conversion/` and
 * `gguf-py/gguf/tensor_mapping.py` of llama.cpp.
 */
import type { FamilyName } from "../compute/index.js";
import { CoxswainError } from "../errors.js";

/** `general.architecture` of each family. llama.cpp runs Mistral models as "llama". */
export const architectures: Readonly<Record<FamilyName, string>> = {
  llama: "llama",
  mistral: "llama",
  qwen2: "qwen2",
  qwen3: "qwen3",
  phi3: "phi3",
  gemma2: "gemma2",
  gemma3_text: "gemma3",
  gpt2: "gpt2",
};

/** By the end of the module's path. */
const layerNames: Readonly<Record<string, string>> = {
  "self_attn.q_proj": "attn_q",
  "self_attn.k_proj": "attn_k",
  "self_attn.v_proj": "attn_v",
  "self_attn.qkv_proj": "attn_qkv",
  "self_attn.o_proj": "attn_output",
  "mlp.gate_proj": "ffn_gate",
  "mlp.up_proj": "ffn_up",
  // llama.cpp splits its output into gate and up.
  "mlp.gate_up_proj": "ffn_up",
  "mlp.down_proj": "ffn_down",
  "attn.c_attn": "attn_qkv",
  "attn.c_proj": "attn_output",
  "mlp.c_fc": "ffn_up",
  "mlp.c_proj": "ffn_down",
};

/** @param module "model.layers.0.self_attn.q_proj" @returns "blk.0.attn_q.weight" */
export function weightName(module: string): string {
  const [, layer, end] = /\.(\d+)\.(.+)$/.exec(module) ?? [];
  const name = end === undefined ? undefined : layerNames[end];
  if (layer === undefined || name === undefined)
    throw new CoxswainError("bug", `there is no GGUF name for the module ${module}`);
  return `blk.${layer}.${name}.weight`;
}

/**
 * Whether llama.cpp stores the rows of this layer in another order: its "llama" architecture rotates neighbouring pairs
 * of a head, where transformers rotates the first half of a head with the second.
 */
export const hasPairedRows = (family: FamilyName, module: string): boolean =>
  architectures[family] === "llama" && /\.self_attn\.[qk]_proj$/.test(module);

/**
 * Rows of each head, from halves (0, 1, …, d/2, d/2 + 1, …) to pairs (0, d/2, 1, d/2 + 1, …).
 * @param rows [heads * headDim, columns]
 */
export function pairRows(rows: Float32Array, columns: number, headDim: number): Float32Array {
  const out = new Float32Array(rows.length);
  const half = headDim / 2;
  const count = rows.length / columns;
  for (let row = 0; row < count; row++) {
    const place = row % headDim;
    const paired = row - place + (place < half ? 2 * place : 2 * (place - half) + 1);
    out.set(rows.subarray(row * columns, (row + 1) * columns), paired * columns);
  }
  return out;
}
