/**
 * Verifies that chunks form one object, in order and undamaged, without trusting their content. Does not store data.
 */
import { CoxswainError } from "../errors.js";
import { crc32 } from "node:zlib";
import { Checksum } from "./checksum.js";
import type { Chunk, ChunkHead } from "./chunk.js";

/** The error for an invalid chunk. */
export const refused = (what: string): CoxswainError =>
  new CoxswainError("network", `invalid transfer: ${what}`, {
    hint: "The peer is not part of this run, or something in between damages data.",
  });

export class ChunkSequence {
  readonly #size: number;
  #received = 0;
  #begun = false;
  /** Bytes left of the current chunk. */
  #left = 0;
  #head: ChunkHead | undefined;
  #crc = 0;
  readonly #checksum = new Checksum();
  /** Of all complete chunks; undefined once one of them cannot be appended. */
  #whole: Checksum | undefined = new Checksum();

  /** @param size bytes of the object, as this side knows it */
  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes received so far. */
  get received(): number {
    return this.#received;
  }

  get complete(): boolean {
    return this.#begun && this.#left === 0 && this.#received === this.#size;
  }

  /**
   * The checksum of the complete object, as in `Chunk.checksum`; may be called once. Undefined if its chunks have a
   * CRC-32 instead, or do not begin at multiples of 16 bytes.
   */
  checksum(): number | undefined {
    return this.#whole?.finish();
  }

  /**
   * Begins a chunk of `length` bytes, which must lie within the object.
   * @throws CoxswainError "network" for a different size, a gap, a repetition, excess data or an empty chunk
   */
  begin(head: ChunkHead, length: number): void {
    const { offset, total } = head;
    const size = this.#size;
    if (total !== size) throw refused(`${total} bytes were offered, ${size} were expected`);
    if (offset !== this.#received) throw refused(`received offset ${offset}, expected ${this.#received}`);
    if (this.complete) throw refused(`data after all ${size} bytes`);
    // Empty chunks of a non-empty object would never end the transfer.
    if (length === 0 && size > 0) throw refused("an empty chunk");
    if (length > size - offset) throw refused(`${length} bytes at ${offset} exceed the size ${size}`);
    this.#left = length;
    this.#head = head;
    this.#crc = 0;
    if (length === 0) this.#end();
  }

  /**
   * Takes the next bytes of the current chunk, at most as many as are left.
   * @throws CoxswainError "network" if the chunk is complete and its checksum is wrong
   */
  take(bytes: Uint8Array): void {
    if (this.#head?.checksum === undefined) this.#crc = crc32(bytes, this.#crc);
    else this.#checksum.take(bytes);
    this.#received += bytes.length;
    this.#left -= bytes.length;
    if (this.#left === 0) this.#end();
  }

  /**
   * A whole chunk: `begin` and `take`.
   * @throws CoxswainError "network" as they do
   */
  accept(chunk: Chunk): void {
    this.begin(chunk, chunk.payload.length);
    if (chunk.payload.length > 0) this.take(chunk.payload);
  }

  /** @throws CoxswainError "network" if part of the object is missing */
  finish(): void {
    if (this.complete) return;
    throw new CoxswainError("network", `a transfer ended after ${this.#received} of ${this.#size} bytes`, {
      hint: "The peer stopped or the connection broke.",
    });
  }

  #end(): void {
    this.#begun = true;
    if (this.#head?.checksum === undefined || this.#whole?.append(this.#checksum) !== true) this.#whole = undefined;
    const isDamaged =
      this.#head?.checksum === undefined
        ? this.#crc !== this.#head?.crc32
        : this.#checksum.finish() !== this.#head.checksum;
    if (isDamaged) throw refused(`bytes before ${this.#received} were damaged`);
  }
}
