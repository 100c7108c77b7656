/** Checks that chunks are all of one object, in order and undamaged, trusting nothing that they say. Knows no memory. */
import { crc32 } from "node:zlib";
import { CoxswainError } from "../errors.js";
import type { Chunk } from "./chunk.js";

/** A chunk that is not what it should be. */
export const refused = (what: string): CoxswainError =>
  new CoxswainError("network", `a transfer was refused: ${what}`, {
    hint: "The peer is no coxswain of this run, or something between damages data.",
  });

export class ChunkSequence {
  readonly #size: number;
  #received = 0;
  #begun = false;

  /** @param size bytes of the object, as this side knows it */
  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#received;
  }

  get complete(): boolean {
    return this.#begun && this.#received === this.#size;
  }

  /**
   * Counts the next chunk, which lies within the object.
   * @throws CoxswainError "network" for another size, a gap, a repetition, too much, nothing, or a wrong checksum
   */
  accept({ offset, total, crc32: checksum, payload }: Chunk): void {
    const size = this.#size;
    if (total !== size) throw refused(`${total} bytes were offered where ${size} were expected`);
    if (offset !== this.#received) throw refused(`bytes from ${offset} came where ${this.#received} was next`);
    if (this.complete) throw refused(`more came after all ${size} bytes`);
    // An empty chunk of an object that is not would never end the transfer.
    if (payload.length === 0 && size > 0) throw refused("an empty chunk");
    if (payload.length > size - offset) throw refused(`${payload.length} bytes at ${offset} exceed the size ${size}`);
    if (crc32(payload) !== checksum) throw refused(`bytes ${offset} to ${offset + payload.length} were damaged`);
    this.#received += payload.length;
    this.#begun = true;
  }

  /** @throws CoxswainError "network" when part of the object has not come */
  finish(): void {
    if (this.complete) return;
    throw new CoxswainError("network", `a transfer ended after ${this.#received} of ${this.#size} bytes`, {
      hint: "The peer stopped or the connection broke.",
    });
  }
}
