/** The bytes of a file in chunks, unpacked if it is compressed. Whoever stops reading leaves nothing open. */
import type { FileHandle } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import { messageOf } from "../../errors.js";
import { zstdFrames } from "./zstd-frames.js";

export type Chunks = AsyncIterable<Buffer>;

/** How a file is compressed. */
export type Packing = "gzip" | "Zstandard";

/** Compressed data that cannot be unpacked further. */
export class DamagedData extends Error {
  readonly packing: Packing;

  constructor(packing: Packing, cause: unknown) {
    super(messageOf(cause), { cause });
    this.packing = packing;
  }
}

const chunkSize = 1 << 18;

/** @param handle the open file; stays open */
export async function* fileChunks(handle: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ;) {
    const buffer = Buffer.allocUnsafe(chunkSize);
    const { bytesRead } = await handle.read(buffer, 0, chunkSize, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What comes out of a stream that these chunks go through. */
export async function* through(chunks: AsyncIterable<unknown>, stream: Duplex): AsyncGenerator {
  const fed = pipeline(chunks, stream).catch(() => undefined);
  try {
    for await (const part of stream) yield part as unknown;
  } finally {
    stream.destroy();
    await fed;
  }
}

/** @throws DamagedData after the data up to the damage */
export async function* unpacked(chunks: Chunks, packing: Packing): AsyncGenerator<Buffer> {
  try {
    if (packing === "gzip") yield* through(chunks, zlib.createGunzip()) as AsyncGenerator<Buffer>;
    else yield* verifiesZstd ? verifiedZstd(chunks) : unpackedZstd(chunks);
  } catch (error) {
    throw isOfUnpacking(error) ? new DamagedData(packing, error) : error;
  }
}

/** Node's errors of zlib have a number, those of fzstd too; errors of reading the file do not. */
const isOfUnpacking = (error: unknown): boolean =>
  error instanceof Error &&
  (("code" in error && typeof error.code === "number") ||
    ("code" in error && typeof error.code === "string" && /^(Z_|ZSTD_)/.test(error.code)) ||
    error instanceof RangeError);

/** Node.js before 22.15 has no Zstandard. */
const { createZstdDecompress } = zlib as { readonly createZstdDecompress?: () => Duplex };

/** Whether checksums of Zstandard data are verified. */
export const verifiesZstd = createZstdDecompress !== undefined;

/** By Node.js, which verifies checksums, frame by frame: it ends silently after the first one (seen in 24.21). */
async function* verifiedZstd(chunks: Chunks): AsyncGenerator<Buffer> {
  if (createZstdDecompress === undefined) return;
  for await (const frame of zstdFrames(chunks)) yield* through(frame, createZstdDecompress()) as AsyncGenerator<Buffer>;
}

/** By fzstd, which has no checksums: for older releases of Node.js. */
async function* unpackedZstd(chunks: Chunks): AsyncGenerator<Buffer> {
  const parts: Uint8Array[] = [];
  const stream = new Decompress((part) => parts.push(part));
  /** @returns what is wrong with the data, after the parts before it */
  function* push(chunk: Uint8Array, isLast: boolean): Generator<Buffer, unknown> {
    let failure: unknown;
    try {
      stream.push(chunk, isLast);
    } catch (error) {
      failure = error;
    }
    for (const part of parts.splice(0))
      if (part.length > 0) yield Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    return failure;
  }
  for await (const chunk of chunks) {
    const failure = yield* push(chunk, false);
    if (failure !== undefined) throw failure as Error;
  }
  const failure = yield* push(new Uint8Array(), true);
  if (failure !== undefined) throw failure as Error;
}

/** The same chunks, and the first bytes of them, from the first one that is not blank. */
export async function peek(chunks: Chunks): Promise<{ readonly start: Buffer; readonly chunks: Chunks }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const seen: Buffer[] = [];
  let start: Buffer = Buffer.alloc(0);
  while (start.length < peekedBytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    seen.push(next.value);
    start = withoutBlanks(Buffer.concat([start, next.value.subarray(0, chunkSize)]));
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield* seen;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { start, chunks: all() };
}

/** A tar archive shows itself after 257 bytes. */
const peekedBytes = 512;
const byteOrderMark = Buffer.from("\ufeff");
/** JSON's white space. */
export const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;

function withoutBlanks(bytes: Buffer): Buffer {
  const text = bytes.subarray(0, 3).equals(byteOrderMark) ? bytes.subarray(3) : bytes;
  const first = text.findIndex((byte) => !isBlank(byte));
  return first < 0 ? Buffer.alloc(0) : text.subarray(first);
}
