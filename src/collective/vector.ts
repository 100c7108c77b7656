/**
 * Vectors of f32 on the wire: unchanged, or converted to bfloat16 chunk by chunk. Knows chunks, but neither streams nor
 * the meaning of a vector.
 */
import { CoxswainError } from "../errors.js";
import { Checksum, checksumOf } from "./checksum.js";
import type { Chunk, ChunkHead } from "./chunk.js";
import { bytesOf } from "./floats.js";
import { addBf16RoundedTo, addTo, fromBf16, toBf16 } from "./kernels.js";
import { ChunkSequence, refused } from "./sequence.js";

/** The type of an element on the wire. In memory it is f32. */
export type VectorDtype = "float32" | "bfloat16";

const elementBytes: Readonly<Record<VectorDtype, number>> = { float32: 4, bfloat16: 2 };

/** Bytes of a vector of `length` elements on the wire. */
export const vectorBytes = (length: number, dtype: VectorDtype): number => length * elementBytes[dtype];

/** Elements [offset, offset + length) of a vector. */
export interface VectorRange {
  readonly offset: number;
  readonly length: number;
}

/** Whether an untrusted range is a non-empty part of `size` elements. */
export const isWithin = ({ offset, length }: VectorRange, size: number): boolean =>
  Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length > 0 && length <= size - offset;

/**
 * Maximum payload of one chunk of a vector, bytes: small enough to be still in the CPU cache when it is sent, after it
 * was rounded or its checksum was computed.
 */
const vectorPayload = 256 * 1024;

/**
 * A vector as chunks of at most `size` bytes of payload, in order; an empty vector is one empty chunk. As float32,
 * payloads are views: the vector must not change until the chunks are sent. Elements are rounded to the nearest
 * bfloat16.
 */
export function* vectorChunks(
  vector: Float32Array,
  dtype: VectorDtype,
  size = vectorPayload,
): Generator<Chunk, void, undefined> {
  const total = vectorBytes(vector.length, dtype);
  const most = dtype === "float32" ? size / 4 : Math.floor(size / 2);
  let at = 0;
  do {
    const floats = vector.subarray(at, at + most);
    const payload = dtype === "float32" ? bytesOf(floats) : toBf16Bytes(floats);
    yield { offset: vectorBytes(at, dtype), total, crc32: 0, checksum: checksumOf(payload), payload };
    at += floats.length;
  } while (at < vector.length);
}

/** The checksum of a vector as it is sent: see `Chunk.checksum`. It does not depend on the size of chunks. */
export function vectorChecksum(vector: Float32Array, dtype: VectorDtype): number {
  if (dtype === "float32") return checksumOf(bytesOf(vector));
  const checksum = new Checksum();
  const most = vectorPayload / elementBytes[dtype];
  for (let at = 0; at < vector.length; at += most) checksum.take(toBf16Bytes(vector.subarray(at, at + most)));
  return checksum.finish();
}

function toBf16Bytes(floats: Float32Array): Uint8Array {
  // Not zero-filled first.
  const bytes = Buffer.allocUnsafeSlow(floats.length * 2);
  toBf16(floats, new Uint16Array(bytes.buffer, bytes.byteOffset, floats.length));
  return bytes;
}

/**
 * Collects the chunks of one vector, in order, at its destination: unchanged, or added to another vector while it
 * arrives. A chunk may arrive in pieces; its data is written before its checksum is verified.
 */
export class VectorAssembler {
  /** Undefined after `discard`. */
  #into: Float32Array | undefined;
  readonly #dtype: VectorDtype;
  #addend: Float32Array | undefined;
  readonly #sequence: ChunkSequence;
  /** The first bytes of an incomplete element. */
  readonly #cut = new Uint8Array(4);
  #cutBytes = 0;

  /**
   * @param into destination; nothing outside it is written, whatever a peer sends
   * @param addend added to what arrives, rounded to `dtype`; read-only
   */
  constructor(into: Float32Array, dtype: VectorDtype, addend?: Float32Array) {
    if (addend !== undefined && addend.length !== into.length) {
      throw new CoxswainError("bug", `cannot add a vector of ${into.length} elements to one of ${addend.length}`);
    }
    this.#into = into;
    this.#dtype = dtype;
    this.#addend = addend;
    this.#sequence = new ChunkSequence(vectorBytes(into.length, dtype));
  }

  /** Bytes received so far. */
  get received(): number {
    return this.#sequence.received;
  }

  get complete(): boolean {
    return this.#sequence.complete;
  }

  /**
   * Adds the next chunk; its payload is copied.
   * @throws CoxswainError "network" for a different size, a gap, a repetition, excess data, an empty chunk, a wrong
   * checksum, or a split inside an element
   */
  add(chunk: Chunk): void {
    this.begin(chunk, chunk.payload.length);
    if (chunk.payload.length > 0) this.take(chunk.payload);
  }

  /** Begins the next chunk, with `length` bytes of payload. Throws as `add`. */
  begin(head: ChunkHead, length: number): void {
    this.#sequence.begin(head, length);
    if (length % elementBytes[this.#dtype] !== 0) throw refused("a chunk that ends inside an element");
  }

  /** Copies the next bytes of the current chunk, at most as many as are left. Throws as `add`. */
  take(bytes: Uint8Array): void {
    const at = this.#sequence.received;
    this.#sequence.take(bytes);
    if (this.#into === undefined) return;
    if (this.#dtype === "float32" && this.#addend === undefined) bytesOf(this.#into).set(bytes, at);
    else this.#takeElements(this.#into, bytes, at - this.#cutBytes);
  }

  /** From now on data is verified and discarded: `into` and the addend may change. */
  discard(): void {
    this.#into = undefined;
    this.#addend = undefined;
  }

  /**
   * @returns the checksum of the vector as it was sent, see `vectorChecksum`; undefined if its chunks do not tell it
   * @throws CoxswainError "network" if part of the vector is missing
   */
  finish(): number | undefined {
    this.#sequence.finish();
    return this.#sequence.checksum();
  }

  /** @param at byte offset of the first element that is not yet written */
  #takeElements(vector: Float32Array, bytes: Uint8Array, at: number): void {
    const size = elementBytes[this.#dtype];
    let element = at / size;
    let next = 0;
    if (this.#cutBytes > 0) {
      next = Math.min(size - this.#cutBytes, bytes.length);
      this.#cut.set(bytes.subarray(0, next), this.#cutBytes);
      this.#cutBytes += next;
      if (this.#cutBytes < size) return;
      this.#cutBytes = 0;
      this.#write(vector, this.#cut.subarray(0, size), element++);
    }
    const whole = bytes.length - ((bytes.length - next) % size);
    this.#write(vector, bytes.subarray(next, whole), element);
    this.#cut.set(bytes.subarray(whole));
    this.#cutBytes = bytes.length - whole;
  }

  #write(vector: Float32Array, bytes: Uint8Array, element: number): void {
    const end = element + bytes.length / elementBytes[this.#dtype];
    const into = vector.subarray(element, end);
    const addend = this.#addend?.subarray(element, end);
    if (addend === undefined) fromBf16(bytes, into);
    else if (this.#dtype === "float32") addTo(into, addend, bytes);
    else addBf16RoundedTo(into, addend, bytes);
  }
}
