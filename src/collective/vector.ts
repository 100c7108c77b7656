/**
 * Vectors of f32 on the wire: as they are, or as bfloat16, converted a chunk at a time. Knows chunks, not streams, and
 * not what a vector means.
 */
import { crc32 } from "node:zlib";
import { CoxswainError } from "../errors.js";
import { type Chunk, chunksOf, maxPayload } from "./chunk.js";
import { bytesOf, floatsOf } from "./floats.js";
import { addBf16RoundedTo, addTo, fromBf16, toBf16 } from "./kernels.js";
import { ChunkSequence, refused } from "./sequence.js";

/** What an element is on the wire. In memory it is f32. */
export type VectorDtype = "float32" | "bfloat16";

const elementBytes: Readonly<Record<VectorDtype, number>> = { float32: 4, bfloat16: 2 };

/** Bytes of a vector of `length` elements on the wire. */
export const vectorBytes = (length: number, dtype: VectorDtype): number => length * elementBytes[dtype];

/**
 * A vector as chunks of at most `size` bytes of payload, in order; an empty vector is one empty chunk. As float32,
 * payloads are views: the vector must not change until the chunks are encoded. bfloat16 is the nearest to each element.
 */
export function vectorChunks(
  vector: Float32Array,
  dtype: VectorDtype,
  size = maxPayload,
): Generator<Chunk, void, undefined> {
  return dtype === "float32" ? chunksOf(bytesOf(vector), size) : bf16Chunks(vector, size);
}

function* bf16Chunks(vector: Float32Array, size: number): Generator<Chunk, void, undefined> {
  const total = vectorBytes(vector.length, "bfloat16");
  const most = Math.floor(size / 2);
  let at = 0;
  do {
    const floats = vector.subarray(at, at + most);
    const halves = new Uint16Array(floats.length);
    toBf16(floats, halves);
    const payload = new Uint8Array(halves.buffer);
    yield { offset: at * 2, total, crc32: crc32(payload), payload };
    at += floats.length;
  } while (at < vector.length);
}

/** Collects the chunks of one vector, in order, where it is to lie: as it comes, or added to another on its way. */
export class VectorAssembler {
  readonly #into: Float32Array;
  readonly #dtype: VectorDtype;
  readonly #addend: Float32Array | undefined;
  readonly #sequence: ChunkSequence;

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

  get complete(): boolean {
    return this.#sequence.complete;
  }

  /**
   * Takes the next chunk; its payload is copied.
   * @throws CoxswainError "network" for another size, a gap, a repetition, too much, nothing, a wrong checksum, or a cut
   * inside an element
   */
  add(chunk: Chunk): void {
    this.#sequence.accept(chunk);
    const { offset, payload } = chunk;
    const bytes = elementBytes[this.#dtype];
    if (offset % bytes !== 0 || payload.length % bytes !== 0) throw refused("a chunk that ends inside an element");
    const [from, to] = [offset / bytes, (offset + payload.length) / bytes];
    const into = this.#into.subarray(from, to);
    const addend = this.#addend?.subarray(from, to);
    if (this.#dtype === "float32") {
      if (addend === undefined) bytesOf(into).set(payload);
      else addTo(into, addend, floatsOf(payload));
    } else if (addend === undefined) fromBf16(halvesOf(payload), into);
    else addBf16RoundedTo(into, addend, halvesOf(payload));
  }

  /** @throws CoxswainError "network" when part of the vector has not come */
  finish(): void {
    this.#sequence.finish();
  }
}

/** Bit patterns of bfloat16: a view where they are aligned to 2, else a copy. */
function halvesOf(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : Uint8Array.from(bytes);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}
