/**
 * Vectors of f32 on the wire: as they are, or as bfloat16, converted a chunk at a time. Knows chunks, not streams, and
 * not what a vector means.
 */
import { crc32 } from "node:zlib";
import { type Chunk, chunksOf, maxPayload } from "./chunk.js";
import { bytesOf } from "./floats.js";
import { fromBf16, toBf16 } from "./kernels.js";
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

/** Collects the chunks of one vector, in order, where it is to lie. */
export class VectorAssembler {
  readonly #into: Float32Array;
  readonly #bytes: Uint8Array;
  readonly #dtype: VectorDtype;
  readonly #sequence: ChunkSequence;

  /** @param into whatever a peer says, no more than this is written */
  constructor(into: Float32Array, dtype: VectorDtype) {
    this.#into = into;
    this.#bytes = bytesOf(into);
    this.#dtype = dtype;
    this.#sequence = new ChunkSequence(vectorBytes(into.length, dtype));
  }

  get complete(): boolean {
    return this.#sequence.complete;
  }

  /**
   * Takes the next chunk; its payload is copied.
   * @throws CoxswainError "network" for another size, a gap, a repetition, too much, nothing, a wrong checksum, or
   * bfloat16 cut inside an element
   */
  add(chunk: Chunk): void {
    this.#sequence.accept(chunk);
    const { offset, payload } = chunk;
    if (this.#dtype === "float32") {
      this.#bytes.set(payload, offset);
      return;
    }
    if (offset % 2 !== 0 || payload.length % 2 !== 0) throw refused("a chunk ends inside an element");
    fromBf16(halvesOf(payload), this.#into.subarray(offset / 2, (offset + payload.length) / 2));
  }

  /** @throws CoxswainError "network" when part of the vector has not come */
  finish(): void {
    this.#sequence.finish();
  }
}

/** Bit patterns of bfloat16: a view where they are aligned to 2, else a copy. */
function halvesOf(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}
