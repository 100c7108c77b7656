/** Assembles an object from its chunks. */
import { CoxswainError } from "../errors.js";
import type { Chunk } from "./chunk.js";
import { ChunkSequence } from "./sequence.js";

/** Collects the chunks of one object, in order, into one buffer. */
export class Assembler {
  readonly #bytes: Uint8Array;
  readonly #sequence: ChunkSequence;

  /**
   * @param total bytes of the object, as this side knows it: no more memory is allocated, whatever a peer says
   * @param into destination, [total] bytes; by default a new buffer, aligned for any typed array
   */
  constructor(total: number, into?: Uint8Array) {
    if (into !== undefined && into.length !== total) {
      throw new CoxswainError("bug", `a buffer of ${into.length} bytes was given for an object of ${total}`);
    }
    this.#bytes = into ?? new Uint8Array(total);
    this.#sequence = new ChunkSequence(total);
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
   * @throws CoxswainError "network" for a different size, a gap, a repetition, excess data, an empty chunk, or a wrong
   * checksum
   */
  add(chunk: Chunk): void {
    this.#sequence.accept(chunk);
    this.#bytes.set(chunk.payload, chunk.offset);
  }

  /**
   * The object.
   * @throws CoxswainError "network" if part of it is missing
   */
  finish(): Uint8Array {
    this.#sequence.finish();
    return this.#bytes;
  }
}
