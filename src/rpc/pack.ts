/** Token ids as little-endian bytes, and back. */

/** A view, not a copy: the values must not change until it is sent. */
export const packInts = (values: Int32Array): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** An aligned copy. Trailing bytes that do not form a whole number are dropped. */
export function unpackInts(bytes: Uint8Array): Int32Array {
  const whole = bytes.byteLength - (bytes.byteLength % 4);
  return new Int32Array(Uint8Array.from(bytes.subarray(0, whole)).buffer);
}
