/** Checks that chunks are all of one object, in order and undamaged, trusting nothing that they say. Knows no memory. */
import { CoxswainError } from "../errors.js";
import { crc32 } from "node:zlib";
import { Checksum } from "./checksum.js";
import type { Chunk, ChunkHead } from "./chunk.js";

/** A chunk that is not what it should be. */
export const refused = (what: string): CoxswainError =>
  new CoxswainError("network", `a transfer was refused: ${what}`, {
    hint: "The peer is no coxswain of this run, or something between damages data.",
  });

export class ChunkSequence {
  readonly #size: number;
  #received = 0;
  #begun = false;
  /** Of the chunk that is coming. */
  #left = 0;
  #head: ChunkHead | undefined;
  #crc = 0;
  readonly #checksum = new Checksum();

  /** @param size bytes of the object, as this side knows it */
  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#received;
  }

  get complete(): boolean {
    return this.#begun && this.#left === 0 && this.#received === this.#size;
  }

  /**
   * A chunk of `length` bytes is coming, which lies within the object.
   * @throws CoxswainError "network" for another size, a gap, a repetition, too much or nothing
   */
  begin(head: ChunkHead, length: number): void {
    const { offset, total } = head;
    const size = this.#size;
    if (total !== size) throw refused(`${total} bytes were offered where ${size} were expected`);
    if (offset !== this.#received) throw refused(`bytes from ${offset} came where ${this.#received} was next`);
    if (this.complete) throw refused(`more came after all ${size} bytes`);
    // An empty chunk of an object that is not would never end the transfer.
    if (length === 0 && size > 0) throw refused("an empty chunk");
    if (length > size - offset) throw refused(`${length} bytes at ${offset} exceed the size ${size}`);
    this.#left = length;
    this.#head = head;
    this.#crc = 0;
    if (length === 0) this.#end();
  }

  /**
   * The next bytes of the chunk that has begun, no more than it has.
   * @throws CoxswainError "network" when the chunk is over and its checksum wrong
   */
  take(bytes: Uint8Array): void {
    if (this.#head?.checksum === undefined) this.#crc = crc32(bytes, this.#crc);
    else this.#checksum.take(bytes);
    this.#received += bytes.length;
    this.#left -= bytes.length;
    if (this.#left === 0) this.#end();
  }

  /**
   * A whole chunk, as both of the above.
   * @throws CoxswainError "network" likewise
   */
  accept(chunk: Chunk): void {
    this.begin(chunk, chunk.payload.length);
    if (chunk.payload.length > 0) this.take(chunk.payload);
  }

  /** @throws CoxswainError "network" when part of the object has not come */
  finish(): void {
    if (this.complete) return;
    throw new CoxswainError("network", `a transfer ended after ${this.#received} of ${this.#size} bytes`, {
      hint: "The peer stopped or the connection broke.",
    });
  }

  #end(): void {
    this.#begun = true;
    const isDamaged =
      this.#head?.checksum === undefined
        ? this.#crc !== this.#head?.crc32
        : this.#checksum.finish() !== this.#head.checksum;
    if (isDamaged) throw refused(`bytes before ${this.#received} were damaged`);
  }
}
