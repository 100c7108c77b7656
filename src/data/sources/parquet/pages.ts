/**
 * The pages of one column chunk, decoded one at a time: a row group may be larger than the memory. Pages are decoded by
 * hyparquet.
 */
import type { ColumnChunk, DecodedArray, SchemaTree } from "hyparquet";
import { crc32 } from "node:zlib";
import { parquetHeader } from "hyparquet/src/column.js";
import { decompressPage, readDataPage, readDataPageV2 } from "hyparquet/src/datapage.js";
import { readPlain } from "hyparquet/src/plain.js";
import { compressors } from "./compressors.js";
import type { LeafNode } from "./schema.js";

/** Reads part of a file. @throws RangeError beyond its end */
export type ReadBytes = (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>>;

/** Entries of a page: one per value, null or empty list. */
export interface Page {
  readonly entries: number;
  /** Of each entry; undefined: all 0, each entry is a row. */
  readonly reps: ArrayLike<number> | undefined;
  /** Of each entry; undefined: all values are present. */
  readonly defs: ArrayLike<number> | undefined;
  /** Of the entries that have a value, as they are in the example. */
  readonly value: (index: number) => unknown;
}

interface Header {
  readonly header: ReturnType<typeof parquetHeader>;
  /** bytes */
  readonly length: number;
}

/** Bytes that are read together; a page header is usually within the first few hundred. */
const readAhead = 1 << 18;
const expectedHeader = 1 << 13;

const damaged = (what: string): RangeError => new RangeError(`the file is damaged: ${what}`);

export class ColumnPages {
  readonly #read: ReadBytes;
  readonly #leaf: LeafNode;
  readonly #meta: NonNullable<ColumnChunk["meta_data"]>;
  readonly #end: number;
  #at: number;
  #window: { readonly start: number; readonly bytes: Uint8Array<ArrayBuffer> };
  #entriesLeft: number;
  #dictionary: readonly unknown[] | undefined;

  constructor(read: ReadBytes, leaf: LeafNode, chunk: ColumnChunk) {
    const { meta_data: meta } = chunk;
    if (chunk.crypto_metadata !== undefined) throw new RangeError("the column is encrypted");
    if (meta === undefined || (chunk.file_path ?? "") !== "")
      throw new RangeError("the column's data are in another file");
    const { dictionary_page_offset: dictionary, data_page_offset: data, total_compressed_size: size } = meta;
    this.#read = read;
    this.#leaf = leaf;
    this.#meta = meta;
    this.#at = Number(dictionary !== undefined && dictionary > 0n && dictionary < data ? dictionary : data);
    this.#end = this.#at + Number(size);
    this.#entriesLeft = Number(meta.num_values);
    this.#window = { start: this.#at, bytes: new Uint8Array() };
  }

  /** The next page; undefined after the last one. */
  async next(): Promise<Page | undefined> {
    while (this.#entriesLeft > 0) {
      const { header, length } = await this.#header();
      this.#at += length;
      const size = header.compressed_page_size;
      if (size < 0 || this.#at + size > this.#end) throw damaged("a page exceeds its column");
      const bytes = await this.#bytes(size);
      this.#at += size;
      if (header.crc !== undefined && header.crc >>> 0 !== crc32(bytes))
        throw damaged("the checksum of a page does not match");
      const page = this.#decode(header, bytes);
      if (page === undefined) continue;
      this.#entriesLeft -= page.entries;
      return page;
    }
    return undefined;
  }

  /** Bytes from the current position on. */
  async #bytes(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, bytes } = this.#window;
    const from = this.#at - start;
    if (from + length <= bytes.length) return bytes.subarray(from, from + length);
    const wanted = Math.min(this.#end - this.#at, Math.max(length, readAhead));
    if (wanted < length) throw damaged("a column ends inside a page");
    this.#window = { start: this.#at, bytes: await this.#read(this.#at, wanted) };
    return this.#window.bytes.subarray(0, length);
  }

  /** Its length is not known before it is read. */
  async #header(): Promise<Header> {
    const left = this.#end - this.#at;
    for (let length = Math.min(left, expectedHeader); ; length = Math.min(left, length * 8)) {
      const bytes = await this.#bytes(length);
      const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
      try {
        const header = parquetHeader(reader);
        if (reader.offset <= length) return { header, length: reader.offset };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
      if (length === left) throw damaged("a column ends inside a page's header");
    }
  }

  /** @returns undefined for a page without entries */
  #decode(header: Header["header"], bytes: Uint8Array): Page | undefined {
    const { codec, type } = this.#meta;
    const { element, path } = this.#leaf;
    const decoder = {
      pathInSchema: path.slice(1).map((tree) => tree.element.name),
      ...{ type, codec, element, compressors },
      schemaPath: [...path] as SchemaTree[],
    };
    const { data_page_header: v1, data_page_header_v2: v2, dictionary_page_header: dictionary } = header;
    if (dictionary !== undefined) {
      const plain = decompressPage(bytes, header.uncompressed_page_size, codec, compressors);
      const reader = { view: new DataView(plain.buffer, plain.byteOffset, plain.byteLength), offset: 0 };
      const stored = readPlain(reader, type, dictionary.num_values, element.type_length);
      this.#dictionary = Array.from(stored as ArrayLike<unknown>, this.#leaf.convert);
      return undefined;
    }
    if (v1 !== undefined) {
      const plain = decompressPage(bytes, header.uncompressed_page_size, codec, compressors);
      return this.#page(v1.num_values, v1.encoding, readDataPage(plain, v1, decoder as never));
    }
    if (v2 !== undefined)
      return this.#page(v2.num_values, v2.encoding, readDataPageV2(bytes, header, decoder as never));
    return undefined;
  }

  #page(
    entries: number,
    encoding: string,
    decoded: { definitionLevels: number[] | undefined; repetitionLevels: number[]; dataPage: DecodedArray },
  ): Page {
    const { definitionLevels: defs, repetitionLevels: reps, dataPage } = decoded;
    const stored = dataPage as ArrayLike<unknown>;
    const levels = {
      entries,
      reps: reps.length > 0 ? reps : undefined,
      defs: defs !== undefined && defs.length > 0 ? defs : undefined,
    };
    if (!encoding.endsWith("_DICTIONARY")) {
      const { convert } = this.#leaf;
      return { ...levels, value: (index) => convert(stored[index]) };
    }
    const dictionary = this.#dictionary;
    if (dictionary === undefined) throw damaged("a column's dictionary is missing");
    return {
      ...levels,
      value: (index) => {
        const place = stored[index] as number;
        if (place >= dictionary.length) throw damaged("a value is not in its column's dictionary");
        return dictionary[place];
      },
    };
  }
}
