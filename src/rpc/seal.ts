/**
 * A checksum at the end of every control message. TCP's checksum misses about one damaged packet in 65,000, and a
 * flipped bit in a token id, a seed or a loss would change the result silently. The checksum is valid protobuf, the
 * last field of each message (`fixed32 checksum = 1000`), so that other tools can read it. It detects accidental
 * damage, not forgery: use TLS against that.
 */
import { crc32 } from "node:zlib";
import { CoxswainError } from "../errors.js";

/** Field 1000, 32 bits: (1000 << 3 | 5) as a varint. */
const tag = Buffer.of(0xc5, 0x3e);

/** Appends the CRC-32 of the message. */
export function seal(message: Buffer): Buffer {
  const sealed = Buffer.allocUnsafe(message.length + tag.length + 4);
  message.copy(sealed);
  tag.copy(sealed, message.length);
  sealed.writeUInt32LE(crc32(message), message.length + tag.length);
  return sealed;
}

/**
 * Checks and removes the checksum.
 * @throws CoxswainError "network" if the message is damaged or has no checksum
 */
export function unseal(sealed: Buffer): Buffer {
  const length = sealed.length - tag.length - 4;
  const message = sealed.subarray(0, Math.max(0, length));
  if (length < 0 || !sealed.subarray(length, length + tag.length).equals(tag)) throw damaged("it has no checksum");
  if (sealed.readUInt32LE(length + tag.length) !== crc32(message)) throw damaged("its checksum does not match");
  return message;
}

const damaged = (what: string): CoxswainError =>
  new CoxswainError("network", `a message was refused: ${what}`, {
    hint: "The peer does not run this version of coxswain, or something in between damages data.",
  });
