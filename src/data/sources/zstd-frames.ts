/**
 * Splits Zstandard data into frames, without unpacking them (RFC 8878, section 3.1): Node's decompressor verifies the
 * checksum of a frame, but ends silently after the first one.
 */
/** As of bytes.ts, which uses this module. */
type Chunks = AsyncIterable<Buffer>;

const magic = 0xfd2fb528;
/** Of frames to skip: the last four bits are free. */
const skipped = 0x184d2a50;

/** Reads bytes of a file by number, and passes those of a frame on. */
class ByteReader {
  readonly #iterator: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: Chunks) {
    this.#iterator = chunks[Symbol.asyncIterator]();
  }

  async isAtEnd(): Promise<boolean> {
    return (await this.#fill(1)) === 0;
  }

  /** @throws RangeError if the data end before that */
  async take(count: number): Promise<Buffer> {
    if ((await this.#fill(count)) < count) throw new RangeError("unexpected end of the data");
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  async #fill(count: number): Promise<number> {
    while (this.#rest.length < count) {
      const next = await this.#iterator.next();
      if (next.done === true) break;
      this.#rest = this.#rest.length === 0 ? next.value : Buffer.concat([this.#rest, next.value]);
    }
    return this.#rest.length;
  }
}

/** Bytes of a frame's header after its descriptor. */
function headerLength(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const size = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (isSingle ? 0 : 1) + dictionary + size;
}

/** The bytes of one frame, block by block. */
async function* frameBytes(reader: ByteReader, start: Buffer): AsyncGenerator<Buffer> {
  yield start;
  const descriptor = (await reader.take(1)).readUInt8();
  yield Buffer.from([descriptor]);
  yield await reader.take(headerLength(descriptor));
  for (let isLast = false; !isLast;) {
    const header = await reader.take(3);
    yield header;
    const word = header.readUIntLE(0, 3);
    isLast = (word & 1) !== 0;
    // A block of one byte that is repeated has that byte only.
    yield await reader.take(((word >> 1) & 3) === 1 ? 1 : word >> 3);
  }
  // The checksum.
  if ((descriptor & 4) !== 0) yield await reader.take(4);
}

/**
 * The frames of a file, one after the other: each is to be read to its end before the next one.
 * @throws RangeError for data that end early or are no frames
 */
export async function* zstdFrames(chunks: Chunks): AsyncGenerator<Chunks> {
  const reader = new ByteReader(chunks);
  try {
    while (!(await reader.isAtEnd())) {
      const start = await reader.take(4);
      const found = start.readUInt32LE();
      if (found === magic) yield frameBytes(reader, start);
      else if (found >>> 4 === skipped >>> 4) await skip(reader);
      else throw new RangeError("invalid zstd data");
    }
  } finally {
    await reader.close();
  }
}

async function skip(reader: ByteReader): Promise<void> {
  const part = 1 << 18;
  for (let left = (await reader.take(4)).readUInt32LE(); left > 0; left -= part)
    await reader.take(Math.min(part, left));
}
