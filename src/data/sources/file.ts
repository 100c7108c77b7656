/** Reads one file: what it holds is recognised by its first bytes, and by its name where these do not say it. */
import { open } from "node:fs/promises";
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";
import { refuseByEncoding } from "./broken-json.js";
import { DamagedData, fileChunks, peek, unpacked, verifiesZstd, type Chunks, type Packing } from "./bytes.js";
import { readCsv } from "./csv.js";
import { refuseByContent } from "./foreign-data.js";
import { readJsonLines, readJsonList } from "./json.js";
import { damagedAfter } from "./lines.js";
import { encrypted, readParquet } from "./parquet/index.js";
import type { RawRecord } from "./record.js";

export interface FileOptions {
  readonly onNote?: ((text: string) => void) | undefined;
}

/** First bytes, as Latin-1. */
const magics: readonly (readonly [start: string, is: Packing | "Parquet" | "encrypted"])[] = [
  ["\x1f\x8b", "gzip"],
  ["\x28\xb5\x2f\xfd", "Zstandard"],
  // A frame to skip, as pzstd begins a file with.
  ...Array.from({ length: 16 }, (_, kind) => [`${String.fromCharCode(0x50 + kind)}*M\x18`, "Zstandard"] as const),
  ["PAR1", "Parquet"],
  ["PARE", "encrypted"],
];

function magicOf(start: Buffer): (typeof magics)[number][1] | undefined {
  const text = start.toString("latin1", 0, 4);
  return magics.find(([bytes]) => text.startsWith(bytes))?.[1];
}

/** @throws CoxswainError "data" that names the file, and the line, item or row */
export async function* readFile(file: string, options: FileOptions = {}): AsyncGenerator<RawRecord> {
  try {
    const handle = await open(file);
    try {
      const start = Buffer.alloc(8);
      const { bytesRead } = await handle.read(start, 0, start.length, 0);
      const kind = magicOf(start.subarray(0, bytesRead));
      if (kind === "encrypted") throw encrypted(file);
      if (kind === "Parquet") {
        const left = (names: string): string => `${file}: columns that cannot be read: ${names}.`;
        const rows = readParquet(file, handle, {
          onUnread: (unread) =>
            options.onNote?.(left(unread.map(({ name, type }) => `${JSON.stringify(name)} (${type})`).join(", "))),
        });
        for await (const { value, where } of rows) yield { where, parse: () => ({ value }) };
        return;
      }
      if (kind === "Zstandard" && !verifiesZstd)
        options.onNote?.(
          `${file}: Node.js ${process.versions.node} cannot verify the checksums of Zstandard data. Use 22.15 or later, or ` +
            "check the file with `zstd -t`.",
        );
      const chunks = fileChunks(handle);
      yield* kind === undefined ? readText(file, chunks) : readUnpacked(file, chunks, kind);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CoxswainError || systemCodeOf(error) === undefined) throw error;
    throw new CoxswainError("data", `${file} can't be read: ${messageOf(error)}`, { cause: error });
  }
}

async function* readUnpacked(file: string, chunks: Chunks, packing: Packing): AsyncGenerator<RawRecord> {
  try {
    yield* readText(file, unpacked(chunks, packing), packing);
  } catch (error) {
    throw error instanceof DamagedData ? damagedAfter(file, "its first bytes", error) : error;
  }
}

/** Characters in which a file shows whether it is one object around a list. */
const startLength = 4096;

/** @param packing what it has been unpacked from */
async function* readText(file: string, bytes: Chunks, packing?: Packing): AsyncGenerator<RawRecord> {
  const { start, chunks } = await peek(bytes);
  const kind = magicOf(start);
  if (kind !== undefined && packing !== undefined) {
    throw new CoxswainError("data", `${file}: is ${kind} data within ${packing} data`, {
      hint: "Unpack it until there is one layer of compression; Parquet files are compressed within.",
    });
  }
  refuseByContent(file, start);
  refuseByEncoding(file, start);
  const first = start.toString("latin1", 0, 1);
  const name = file.toLowerCase().replace(/\.(gz|zst)$/, "");
  const isTable = /\.(csv|tsv)$/.test(name) && first !== "{";
  if (isTable) yield* readCsv(file, chunks, name.endsWith(".tsv") ? "\t" : undefined);
  else if (name.endsWith(".parquet") && first !== "{" && first !== "[" && first !== "") throw notParquet(file);
  else if (first === "[") yield* readJsonList(file, chunks);
  else yield* readJsonLines(file, chunks, start.toString("utf8", 0, startLength));
}

const notParquet = (file: string): CoxswainError =>
  new CoxswainError("data", `${file} is not a Parquet file: it doesn't begin with PAR1`, {
    hint: "It may be truncated or another kind of file: copy or download it again, or correct its name.",
  });
