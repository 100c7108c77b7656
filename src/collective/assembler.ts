/** Puts an object together from its chunks, trusting nothing that they say. */
import { crc32 } from "node:zlib";
import { CoxswainError } from "../errors.js";
import type { Chunk } from "./chunk.js";

const refused = (what: string): CoxswainError =>
  new CoxswainError("network", `a transfer was refused: ${what}`, {
    hint: "The peer is no coxswain of this run, or something between damages data.",
  });

/** Collects the chunks of one object, in order, into one buffer. */
export class Assembler {
  readonly #bytes: Uint8Array;
  #received = 0;
  #begun = false;

  /**
   * @param total bytes of the object, as this side knows it: whatever a peer says, no more memory is taken
   * @param into where to put them, [total] bytes; by default a new buffer, aligned for any typed array
   */
  constructor(total: number, into?: Uint8Array) {
    if (into !== undefined && into.length !== total) {
      throw new CoxswainError("bug", `an object of ${total} bytes was to go into a buffer of ${into.length}`);
    }
    this.#bytes = into ?? new Uint8Array(total);
  }

  /** Bytes that have come. */
  get received(): number {
    return this.#received;
  }

  get complete(): boolean {
    return this.#begun && this.#received === this.#bytes.length;
  }

  /**
   * Takes the next chunk; its payload is copied.
   * @throws CoxswainError "network" for another size, a gap, a repetition, too much, nothing, or a wrong checksum
   */
  add({ offset, total, crc32: checksum, payload }: Chunk): void {
    const size = this.#bytes.length;
    if (total !== size) throw refused(`${total} bytes were offered where ${size} were expected`);
    if (offset !== this.#received) throw refused(`bytes from ${offset} came where ${this.#received} was next`);
    if (this.complete) throw refused(`more came after all ${size} bytes`);
    // An empty chunk of an object that is not would never end the transfer.
    if (payload.length === 0 && size > 0) throw refused("an empty chunk");
    if (payload.length > size - offset) throw refused(`${payload.length} bytes at ${offset} exceed the size ${size}`);
    if (crc32(payload) !== checksum) throw refused(`bytes ${offset} to ${offset + payload.length} were damaged`);
    this.#bytes.set(payload, offset);
    this.#received += payload.length;
    this.#begun = true;
  }

  /**
   * The object.
   * @throws CoxswainError "network" when part of it has not come
   */
  finish(): Uint8Array {
    if (this.complete) return this.#bytes;
    throw new CoxswainError("network", `a transfer ended after ${this.#received} of ${this.#bytes.length} bytes`, {
      hint: "The peer stopped or the connection broke.",
    });
  }
}
