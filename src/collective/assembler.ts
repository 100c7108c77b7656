/** Puts an object together from its chunks. */
import { CoxswainError } from "../errors.js";
import type { Chunk } from "./chunk.js";
import { ChunkSequence } from "./sequence.js";

/** Collects the chunks of one object, in order, into one buffer. */
export class Assembler {
  readonly #bytes: Uint8Array;
  readonly #sequence: ChunkSequence;

  /**
   * @param total bytes of the object, as this side knows it: whatever a peer says, no more memory is taken
   * @param into where to put them, [total] bytes; by default a new buffer, aligned for any typed array
   */
  constructor(total: number, into?: Uint8Array) {
    if (into !== undefined && into.length !== total) {
      throw new CoxswainError("bug", `an object of ${total} bytes was to go into a buffer of ${into.length}`);
    }
    this.#bytes = into ?? new Uint8Array(total);
    this.#sequence = new ChunkSequence(total);
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
   * @throws CoxswainError "network" for another size, a gap, a repetition, too much, nothing, or a wrong checksum
   */
  add(chunk: Chunk): void {
    this.#sequence.accept(chunk);
    this.#bytes.set(chunk.payload, chunk.offset);
  }

  /**
   * The object.
   * @throws CoxswainError "network" when part of it has not come
   */
  finish(): Uint8Array {
    this.#sequence.finish();
    return this.#bytes;
  }
}
