/**
 * The codecs of Parquet's pages: Node's own where it has them (they check what they unpack), else those of
 * hyparquet-compressors.
 */
import type { Compressors } from "hyparquet";
import { compressors as portable } from "hyparquet-compressors";
import * as zlib from "node:zlib";

/** From Node 22.15 on. */
const { zstdDecompressSync } = zlib as { readonly zstdDecompressSync?: (input: Uint8Array) => Uint8Array };

type Codec = (input: Uint8Array, outputLength: number) => Uint8Array;

/** hyparquet-compressors takes an empty LZ4 block, as of a dictionary without entries, for a damaged one. */
const unlessEmpty =
  (codec: Codec | undefined): Codec =>
  (input, outputLength) => {
    if (codec === undefined) throw new RangeError("LZ4 is not supported");
    return outputLength === 0 ? new Uint8Array() : codec(input, outputLength);
  };

export const compressors: Compressors = {
  ...portable,
  LZ4: unlessEmpty(portable.LZ4),
  LZ4_RAW: unlessEmpty(portable.LZ4_RAW),
  GZIP: (input) => zlib.gunzipSync(input),
  BROTLI: (input) => zlib.brotliDecompressSync(input),
  ...(zstdDecompressSync === undefined ? {} : { ZSTD: zstdDecompressSync }),
};
