/**
 * A fingerprint of a LoRA layout: processes with equal fingerprints agree on the meaning of every element of the flat
 * vector.
 */
import { createHash } from "node:crypto";
import type { LoraLayout } from "./lora.js";

/** SHA-256 over names, shapes, offsets and scale, hex. */
export function layoutFingerprint(layout: LoraLayout): string {
  const { r, scale, size, tensors } = layout;
  const listing = tensors.map(({ module, part, shape, offset }) => [module, part, shape[0], shape[1], offset]);
  return createHash("sha256")
    .update(JSON.stringify([r, scale, size, listing]))
    .digest("hex");
}
