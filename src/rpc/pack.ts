/** Numbers as little-endian bytes, and back. */

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
if (!littleEndian) throw new Error("Coxswain needs a little-endian machine");

const bytesOf = (view: ArrayBufferView): Buffer => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

/** A view, not a copy: the values must not change until it is sent. */
export const packInts = (values: Int32Array): Buffer => bytesOf(values);

/** A view, not a copy. */
export const packFloats = (values: Float32Array): Buffer => bytesOf(values);

/** A copy, aligned. Bytes that are no whole number are left out. */
export function unpackInts(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.slice(0, bytes.byteLength - (bytes.byteLength % 4)).buffer);
}

/** A view where the bytes are aligned, else a copy. */
export function unpackFloats(bytes: Uint8Array): Float32Array {
  const length = Math.floor(bytes.byteLength / 4);
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, length);
  return new Float32Array(bytes.slice(0, length * 4).buffer);
}
