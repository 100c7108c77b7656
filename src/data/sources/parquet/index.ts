/**
 * Reads Parquet files row by row, as pyarrow reads them: never more of a row group than the pages that a row needs.
 * Structs, lists and maps become objects and lists.
 */
import { parquetMetadataAsync, parquetSchema, type FileMetaData } from "hyparquet";
import type { FileHandle } from "node:fs/promises";
import { CoxswainError, messageOf } from "../../../errors.js";
import { ColumnPages, type ReadBytes } from "./pages.js";
import { GroupRows } from "./rows.js";
import { columnsOf, type LeafNode, type ParquetColumns, type UnreadColumn } from "./schema.js";

export interface ParquetRow {
  readonly value: Record<string, unknown>;
  /** "train.parquet: row group 2, row 17", both from 1. */
  readonly where: string;
}

export interface ParquetOptions {
  /** Called for columns that are left out: their types have no counterpart in an example. */
  readonly onUnread?: (columns: readonly UnreadColumn[]) => void;
}

const again = "Copy or download it again, or write it again from where it was made.";

const broken = (where: string, why: string, cause?: unknown): CoxswainError =>
  new CoxswainError("data", `${where}: ${why}`, { hint: again, cause });

/** @param handle the open file; stays open */
export async function* readParquet(
  file: string,
  handle: FileHandle,
  { onUnread }: ParquetOptions = {},
): AsyncGenerator<ParquetRow> {
  const { size } = await handle.stat();
  const read: ReadBytes = async (offset, length) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new RangeError("the file ends early");
      done += bytesRead;
    }
    return bytes;
  };
  const metadata = await metadataOf(file, size, read);
  const { columns, unread } = schemaOf(file, metadata);
  const names = [...columns, ...unread].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw broken(file, `two columns have the name ${JSON.stringify(twice)}`);
  if (unread.length > 0) onUnread?.(unread);
  if (columns.length === 0) throw broken(file, "no column has a type that examples can have");
  for (const [index, group] of metadata.row_groups.entries()) {
    const chunks = new Map(group.columns.map((chunk) => [chunk.meta_data?.path_in_schema.join("\0"), chunk]));
    const pagesOf = (leaf: LeafNode): ColumnPages => {
      const path = leaf.path.slice(1).map(({ element }) => element.name);
      const chunk = chunks.get(path.join("\0"));
      if (chunk === undefined) throw new RangeError(`column ${path.join(".")} is missing`);
      return new ColumnPages(read, leaf, chunk);
    };
    let where = `${file}: row group ${index + 1}`;
    try {
      const rows = new GroupRows(columns, pagesOf);
      for (let row = 1; row <= Number(group.num_rows); row++) {
        where = `${file}: row group ${index + 1}, row ${row}`;
        await rows.load();
        yield { value: rows.next(), where };
      }
    } catch (error) {
      throw error instanceof CoxswainError ? error : broken(where, reasonOf(error), error);
    }
  }
}

/** Damaged bytes may lead the decoder anywhere: what JavaScript says of that is nothing to a user. */
const reasonOf = (error: unknown): string =>
  error instanceof TypeError || error instanceof RangeError ? "it is damaged" : messageOf(error);

const magicBytes = 4;
/** Of the shortest file: magic, length of the footer, magic. */
const leastBytes = 12;

async function metadataOf(file: string, size: number, read: ReadBytes): Promise<FileMetaData> {
  const end = size < leastBytes ? "" : Buffer.from(await read(size - magicBytes, magicBytes)).toString("latin1");
  if (end === "PARE") throw encrypted(file);
  if (end !== "PAR1") throw broken(file, "the Parquet file is truncated: its footer is missing");
  const slice = async (start: number, stop = size): Promise<ArrayBuffer> => (await read(start, stop - start)).buffer;
  try {
    return await parquetMetadataAsync({ byteLength: size, slice }, { geoparquet: false });
  } catch (error) {
    throw broken(file, `the footer of the Parquet file cannot be read (${reasonOf(error)})`, error);
  }
}

function schemaOf(file: string, metadata: FileMetaData): ParquetColumns {
  try {
    return columnsOf(parquetSchema(metadata));
  } catch (error) {
    throw broken(file, `the schema of the Parquet file cannot be read (${reasonOf(error)})`, error);
  }
}

export const encrypted = (file: string): CoxswainError =>
  new CoxswainError("data", `${file} is an encrypted Parquet file, which is not supported`, {
    hint: "Decrypt it where its keys are, and write it again without encryption.",
  });
