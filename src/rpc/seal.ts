/**
 * A checksum at the end of every control message. TCP's own lets one damaged packet in some 65,000 through, and a flipped
 * bit in a token id, a seed or a loss would change the result without a word. Valid protobuf: the last field of each
 * message, `fixed32 checksum = 1000`, so that other tools read it. It finds accidents, not forgery: that is TLS's work.
 */
import { crc32 } from "node:zlib";
import { CoxswainError } from "../errors.js";

/** Field 1000, 32 bits: (1000 << 3 | 5) as a varint. */
const tag = Buffer.of(0xc5, 0x3e);

/** The message with the CRC-32 of all that comes before it. */
export function seal(message: Buffer): Buffer {
  const sealed = Buffer.allocUnsafe(message.length + tag.length + 4);
  message.copy(sealed);
  tag.copy(sealed, message.length);
  sealed.writeUInt32LE(crc32(message), message.length + tag.length);
  return sealed;
}

/**
 * The message that was sealed.
 * @throws CoxswainError "network" when it is damaged, or was not sealed
 */
export function unseal(sealed: Buffer): Buffer {
  const length = sealed.length - tag.length - 4;
  const message = sealed.subarray(0, Math.max(0, length));
  if (length < 0 || !sealed.subarray(length, length + tag.length).equals(tag)) throw damaged("it has no checksum");
  if (sealed.readUInt32LE(length + tag.length) !== crc32(message)) throw damaged("its checksum differs");
  return message;
}

const damaged = (what: string): CoxswainError =>
  new CoxswainError("network", `a message was refused: ${what}`, {
    hint: "The peer is no coxswain of this version, or something between damages data.",
  });
