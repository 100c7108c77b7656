/** Vectors of f32 as bytes on the wire (little-endian, as is every CPU that we support). */
import { malformed } from "./wire.js";

/** The bytes of a vector, as a view. */
export const bytesOf = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);

/**
 * The vector in these bytes: a view if they are aligned to 4, otherwise a copy.
 * @throws CoxswainError "network" when the number of bytes is not a multiple of 4
 */
export function floatsOf(bytes: Uint8Array): Float32Array {
  if (bytes.byteLength % 4 !== 0) throw malformed(`a vector of ${bytes.byteLength} bytes`);
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const floats = new Float32Array(bytes.byteLength / 4);
  bytesOf(floats).set(bytes);
  return floats;
}
