/**
 * Vectors of f32 on the wire: as they are, or as bfloat16, converted a chunk at a time. Knows chunks, not streams, and
 * not what a vector means.
 */
import { CoxswainError } from "../errors.js";
import { checksumOf } from "./checksum.js";
import type { Chunk, ChunkHead } from "./chunk.js";
import { bytesOf } from "./floats.js";
import { addBf16RoundedTo, addTo, fromBf16, toBf16 } from "./kernels.js";
import { ChunkSequence, refused } from "./sequence.js";

/** What an element is on the wire. In memory it is f32. */
export type VectorDtype = "float32" | "bfloat16";

const elementBytes: Readonly<Record<VectorDtype, number>> = { float32: 4, bfloat16: 2 };

/** Bytes of a vector of `length` elements on the wire. */
export const vectorBytes = (length: number, dtype: VectorDtype): number => length * elementBytes[dtype];

/** Elements [offset, offset + length) of a vector. */
export interface VectorRange {
  readonly offset: number;
  readonly length: number;
}

/** Whether a range, whatever a peer says, is a part, and not an empty one, of `size` elements. */
export const isWithin = ({ offset, length }: VectorRange, size: number): boolean =>
  Number.isSafeInteger(offset) && offset >= 0 && Number.isSafeInteger(length) && length > 0 && length <= size - offset;

/**
 * The most payload of one chunk of a vector, bytes: small enough to be still in the processor's cache when it is sent,
 * after its checksum was computed or it was rounded.
 */
const vectorPayload = 256 * 1024;

/**
 * A vector as chunks of at most `size` bytes of payload, in order; an empty vector is one empty chunk. As float32,
 * payloads are views: the vector must not change until the chunks are sent. bfloat16 is the nearest to each element.
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

function toBf16Bytes(floats: Float32Array): Uint8Array {
  // Not filled with zeros first.
  const bytes = Buffer.allocUnsafeSlow(floats.length * 2);
  toBf16(floats, new Uint16Array(bytes.buffer, bytes.byteOffset, floats.length));
  return bytes;
}

/**
 * Collects the chunks of one vector, in order, where it is to lie: as it comes, or added to another on its way. A chunk
 * may come in pieces; what it brought is written before it is known to be undamaged.
 */
export class VectorAssembler {
  /** Undefined once nobody wants it any more. */
  #into: Float32Array | undefined;
  readonly #dtype: VectorDtype;
  #addend: Float32Array | undefined;
  readonly #sequence: ChunkSequence;
  /** The first bytes of an element whose others have not come. */
  readonly #cut = new Uint8Array(4);
  #cutBytes = 0;

  /**
   * @param into whatever a peer says, no more than this is written
   * @param addend added to what comes, rounded to `dtype`; it is only read
   */
  constructor(into: Float32Array, dtype: VectorDtype, addend?: Float32Array) {
    if (addend !== undefined && addend.length !== into.length) {
      throw new CoxswainError("bug", `a vector of ${into.length} elements was to be added to one of ${addend.length}`);
    }
    this.#into = into;
    this.#dtype = dtype;
    this.#addend = addend;
    this.#sequence = new ChunkSequence(vectorBytes(into.length, dtype));
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#sequence.received;
  }

  get complete(): boolean {
    return this.#sequence.complete;
  }

  /**
   * Takes the next chunk; its payload is copied.
   * @throws CoxswainError "network" for another size, a gap, a repetition, too much, nothing, a wrong checksum, or a cut
   * inside an element
   */
  add(chunk: Chunk): void {
    this.begin(chunk, chunk.payload.length);
    if (chunk.payload.length > 0) this.take(chunk.payload);
  }

  /** The next chunk is coming, with `length` bytes of payload. Throws as `add`. */
  begin(head: ChunkHead, length: number): void {
    this.#sequence.begin(head, length);
    if (length % elementBytes[this.#dtype] !== 0) throw refused("a chunk that ends inside an element");
  }

  /** The next bytes of the chunk that has begun, no more than it has; they are copied. Throws as `add`. */
  take(bytes: Uint8Array): void {
    const at = this.#sequence.received;
    this.#sequence.take(bytes);
    if (this.#into === undefined) return;
    if (this.#dtype === "float32" && this.#addend === undefined) bytesOf(this.#into).set(bytes, at);
    else this.#takeElements(this.#into, bytes, at - this.#cutBytes);
  }

  /** From now on what comes is checked and thrown away: `into` and the addend may change. */
  discard(): void {
    this.#into = undefined;
    this.#addend = undefined;
  }

  /** @throws CoxswainError "network" when part of the vector has not come */
  finish(): void {
    this.#sequence.finish();
  }

  /** @param at where the first element that is not written yet begins, bytes */
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
