/**
 * Reads the protobuf wire format from untrusted bytes: bounds-checked; every defect is a "network" error. Knows the
 * encoding (protobuf.dev/programming-guides/encoding) but no messages.
 */
import { CoxswainError } from "../errors.js";

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** The error for a message that is not valid protobuf, or not the expected message. */
export const malformed = (what: string): CoxswainError =>
  new CoxswainError("network", `a message from a peer is malformed: ${what}`, {
    hint: "The peer does not run this version of coxswain, or something in between damages data.",
  });

/** A cursor over one message. */
export class WireReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next field's number and wire type. */
  tag(): { readonly field: number; readonly wireType: number } {
    const value = this.#varint32();
    const field = Math.floor(value / 8);
    if (field < 1 || field >= 2 ** 29) throw malformed(`field number ${field}`);
    return { field, wireType: value % 8 };
  }

  /** An unsigned varint of up to ten bytes, minimal or not. */
  varint(): number {
    return this.#varintOf(10);
  }

  /** Tags and lengths have 32 bits. Decoders read longer forms of them differently, so there is none that is right. */
  #varint32(): number {
    return this.#varintOf(5);
  }

  #varintOf(most: number): number {
    let value = 0;
    for (let index = 0; index < most; index++) {
      const byte = this.#bytes[this.#advance(1)] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw malformed("a number beyond 2^53");
        return value;
      }
    }
    throw malformed(`a varint of more than ${most} bytes`);
  }

  /** An unsigned 64-bit number, at most 2^53 - 1. */
  fixed64(): number {
    const at = this.#advance(8);
    const value = this.#bytes.readUInt32LE(at + 4) * 2 ** 32 + this.#bytes.readUInt32LE(at);
    if (value > Number.MAX_SAFE_INTEGER) throw malformed("a number beyond 2^53");
    return value;
  }

  fixed32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  /** A view of a length-delimited field. */
  bytes(): Buffer {
    const length = this.#varint32();
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Skips the value of an unknown field, including the contents of a group. */
  skip(field: number, wireType: number): void {
    // Groups nest: a stack instead of recursion tolerates hostile depths.
    const open: number[] = [];
    let current = { field, wireType };
    for (;;) {
      if (current.wireType === wireTypes.startGroup) open.push(current.field);
      else if (current.wireType === wireTypes.endGroup) {
        if (open.pop() !== current.field) throw malformed(`the end of group ${current.field} without its start`);
      } else this.#skipValue(current.wireType);
      if (open.length === 0) return;
      current = this.tag();
    }
  }

  #skipValue(wireType: number): void {
    switch (wireType) {
      case wireTypes.varint:
        // Not `varint()`: an unknown field may use all 64 bits.
        for (let index = 0; index < 10; index++) if ((this.#bytes[this.#advance(1)] ?? 0) < 0x80) return;
        throw malformed("a varint of more than ten bytes");
      case wireTypes.fixed64:
        this.#advance(8);
        return;
      case wireTypes.bytes:
        this.bytes();
        return;
      case wireTypes.fixed32:
        this.#advance(4);
        return;
      default:
        throw malformed(`wire type ${wireType}`);
    }
  }

  /** Advances by `length` bytes and returns where they begin. */
  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) {
      throw malformed(`it is ${length - (this.#bytes.length - at)} bytes too short`);
    }
    this.#at = at + length;
    return at;
  }
}
