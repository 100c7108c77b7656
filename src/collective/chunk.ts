/**
 * Encodes and decodes the bulk message `Chunk` of the protocol by hand: protobufjs would copy every payload several
 * times. Knows the message, but neither the content of an object nor streams.
 */
import { crc32 } from "node:zlib";
import { CoxswainError } from "../errors.js";
import { malformed, WireReader, wireTypes } from "./wire.js";

/** What a chunk says about its payload. */
export interface ChunkHead {
  /** Bytes from the start of the object. */
  readonly offset: number;
  /** Bytes of the whole object. */
  readonly total: number;
  /** CRC-32 of the payload; unused if there is a `checksum`. */
  readonly crc32: number;
  /** Replaces `crc32` for a vector's payload: see checksum.ts. */
  readonly checksum?: number;
  /** The request of a stream of pulls that this answers; 0 and absent are equivalent. */
  readonly pull?: number;
}

/** A piece of an object; see the message of this name in coxswain.proto. */
export interface Chunk extends ChunkHead {
  /** At most `maxPayload` bytes. A view of the message it was read from, or of the object it is part of. */
  readonly payload: Uint8Array;
  /** Why there is no object: then there is no payload, and nothing else follows for the request. */
  readonly refusal?: string;
}

/** Maximum payload of one chunk, bytes: 256 KiB to 2 MiB are equally fast. */
export const maxPayload = 1024 * 1024;

/** Where the payload begins in an encoded chunk, bytes: aligned for views of any element type, and of SIMD vectors. */
export const payloadOffset = 32;

/** Maximum length of a refusal: characters sent, and bytes accepted. */
const refusalCharacters = 256;
const refusalBytes = 1024;

// The tags (field number * 8 + wire type) of the fields, and their positions in encoded messages.
const offsetTag = 1 * 8 + wireTypes.fixed64;
const totalTag = 2 * 8 + wireTypes.fixed64;
const crc32Tag = 3 * 8 + wireTypes.fixed32;
const checksumTag = 14 * 8 + wireTypes.fixed32;
const payloadTag = 4 * 8 + wireTypes.bytes;
const pullTag = 12 * 8 + wireTypes.fixed32;
const refusalTag = 13 * 8 + wireTypes.bytes;
const offsetAt = 0;
const totalAt = 9;
const checksumAt = 18;
const pullAt = 23;
const payloadAt = 28;

/**
 * The protobuf message. To place the payload at `payloadOffset`, every field is written, even if it is 0, and the
 * payload's length always takes three bytes (protobuf allows more than necessary; protobufjs does not read lengths of
 * six to nine bytes). A refusal has another layout.
 * @throws CoxswainError "bug" for a payload over `maxPayload`
 */
export function encodeChunk(chunk: Chunk): Buffer {
  const { payload, refusal, pull = 0 } = chunk;
  if (refusal !== undefined) return encodeRefusal(refusal, pull);
  if (payload.length > maxPayload) throw new CoxswainError("bug", `a chunk of ${payload.length} bytes is too large`);
  const message = Buffer.allocUnsafe(payloadOffset + payload.length);
  writeChunkHead(chunk, payload.length, message);
  message.set(payload, payloadOffset);
  return message;
}

/** Truncates text that is too long. */
function encodeRefusal(refusal: string, pull: number): Buffer {
  const text = Buffer.from(refusal.slice(0, refusalCharacters));
  const message = Buffer.allocUnsafe(8 + text.length);
  message[0] = pullTag;
  message.writeUInt32LE(pull, 1);
  message.set([refusalTag, 0x80 | (text.length & 0x7f), text.length >>> 7], 5);
  message.set(text, 8);
  return message;
}

/** Writes what precedes a payload of `length` bytes to the first `payloadOffset` bytes of `message`. */
export function writeChunkHead(
  { offset, total, crc32: crc, checksum, pull = 0 }: ChunkHead,
  length: number,
  message: Buffer,
): void {
  writeFixed64(message, offsetTag, offset, offsetAt);
  writeFixed64(message, totalTag, total, totalAt);
  message[checksumAt] = checksum === undefined ? crc32Tag : checksumTag;
  message.writeUInt32LE(checksum ?? crc, checksumAt + 1);
  message[pullAt] = pullTag;
  message.writeUInt32LE(pull, pullAt + 1);
  message.set([payloadTag, 0x80 | (length & 0x7f), 0x80 | ((length >>> 7) & 0x7f), length >>> 14], payloadAt);
}

/**
 * Reads the head of a message of `size` bytes with the layout of `encodeChunk`, from its first `payloadOffset` bytes:
 * the rest of the message is the payload.
 * @returns undefined for any other layout, which only `decodeChunk` reads
 */
export function readChunkHead(message: Buffer, size: number): ChunkHead | undefined {
  const [first = 0, second = 0, third = 0] = message.subarray(payloadAt + 1, payloadOffset);
  const length = (first & 0x7f) + ((second & 0x7f) << 7) + (third << 14);
  const checksumKind = message[checksumAt];
  const isOurs =
    message[offsetAt] === offsetTag &&
    message[totalAt] === totalTag &&
    (checksumKind === crc32Tag || checksumKind === checksumTag) &&
    message[pullAt] === pullTag &&
    message[payloadAt] === payloadTag &&
    first >= 0x80 &&
    second >= 0x80 &&
    third < 0x80 &&
    length === size - payloadOffset &&
    length <= maxPayload;
  if (!isOurs) return undefined;
  const sum = message.readUInt32LE(checksumAt + 1);
  return {
    offset: readFixed64(message, offsetAt),
    total: readFixed64(message, totalAt),
    ...(checksumKind === crc32Tag ? { crc32: sum } : { crc32: 0, checksum: sum }),
    pull: message.readUInt32LE(pullAt + 1),
  };
}

/** Beyond 2^53 the number is not exact, but no valid object is that large. */
const readFixed64 = (message: Buffer, at: number): number =>
  message.readUInt32LE(at + 5) * 2 ** 32 + message.readUInt32LE(at + 1);

function writeFixed64(message: Buffer, tag: number, value: number, at: number): void {
  message[at] = tag;
  message.writeUInt32LE(value % 2 ** 32, at + 1);
  message.writeUInt32LE(Math.floor(value / 2 ** 32), at + 5);
}

/**
 * Reads any valid encoding of the message: fields in any order or absent, unknown ones skipped.
 * The checksum is verified where the chunk is used, see `Assembler`.
 * @returns a chunk whose payload is a view of `message`
 * @throws CoxswainError "network" for anything else
 */
export function decodeChunk(message: Buffer): Chunk {
  const reader = new WireReader(message);
  let offset = 0;
  let total = 0;
  let crc = 0;
  let checksum: number | undefined;
  let pull = 0;
  let refusal: string | undefined;
  let payload: Uint8Array = message.subarray(0, 0);
  while (!reader.done) {
    const { field, wireType } = reader.tag();
    switch (field * 8 + wireType) {
      case offsetTag:
        offset = reader.fixed64();
        break;
      case totalTag:
        total = reader.fixed64();
        break;
      case crc32Tag:
        crc = reader.fixed32();
        break;
      case checksumTag:
        checksum = reader.fixed32();
        break;
      case payloadTag:
        payload = reader.bytes();
        break;
      case pullTag:
        pull = reader.fixed32();
        break;
      case refusalTag:
        refusal = readRefusal(reader.bytes());
        break;
      default:
        if (field <= 4 || (field >= 12 && field <= 14))
          throw malformed(`field ${field} of a chunk has wire type ${wireType}`);
        reader.skip(field, wireType);
    }
  }
  if (payload.length > maxPayload) throw malformed(`a chunk of ${payload.length} bytes (at most ${maxPayload})`);
  if (refusal !== undefined && payload.length > 0) throw malformed("a refusal with a payload");
  return {
    offset,
    total,
    crc32: crc,
    ...(checksum !== undefined && { checksum }),
    pull,
    payload,
    ...(refusal !== undefined && { refusal }),
  };
}

function readRefusal(bytes: Buffer): string {
  if (bytes.length > refusalBytes) throw malformed(`a refusal of ${bytes.length} bytes (at most ${refusalBytes})`);
  return bytes.toString("utf8");
}

/**
 * An object as chunks of at most `size` bytes, in order; an empty object is one empty chunk. Payloads are views: the
 * object must not change until the chunks are encoded.
 */
export function* chunksOf(bytes: Uint8Array, size = maxPayload): Generator<Chunk, void, undefined> {
  const total = bytes.length;
  let offset = 0;
  do {
    const payload = bytes.subarray(offset, offset + size);
    yield { offset, total, crc32: crc32(payload), payload };
    offset += payload.length;
  } while (offset < total);
}
