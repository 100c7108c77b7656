/** A file's lines as text, with their numbers; and what cannot be text. */
import { CoxswainError, systemCodeOf } from "../../errors.js";
import { DamagedData, type Chunks } from "./bytes.js";

const lineFeed = 0x0a;
const byteOrderMark = "\ufeff";

/** Strict: invalid UTF-8 is an error, never a replacement character that would be learnt. */
export const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    const isTooLong = systemCodeOf(error) === "ERR_STRING_TOO_LONG";
    throw new CoxswainError("data", `${where}: ${isTooLong ? "longer than 512 MB" : "not UTF-8 text"}`, {
      hint: isTooLong ? "Split the example." : "Save the file as UTF-8.",
      cause: error,
    });
  }
}

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without line feed and byte-order mark; or the error that it is no text. */
  readonly text: string | CoxswainError;
}

/** (Node's readline would also split at U+2028, inside JSON.) */
export async function* linesOf(file: string, chunks: Chunks): AsyncGenerator<Line> {
  let number = 0;
  for await (const bytes of byteLines(file, chunks)) yield { number: ++number, text: textOf(file, number, bytes) };
}

function textOf(file: string, number: number, bytes: Buffer): string | CoxswainError {
  try {
    const text = decodeText(bytes, `${file}:${number}`);
    return number === 1 && text.startsWith(byteOrderMark) ? text.slice(1) : text;
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
}

async function* byteLines(file: string, chunks: Chunks): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let count = 0;
  try {
    for await (const bytes of chunks) {
      let from = 0;
      for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, from)) {
        parts.push(bytes.subarray(from, at));
        const line = parts.length === 1 ? bytes.subarray(from, at) : Buffer.concat(parts);
        parts = [];
        from = at + 1;
        count++;
        yield line;
      }
      if (from < bytes.length) parts.push(bytes.subarray(from));
    }
  } catch (error) {
    throw error instanceof DamagedData ? damagedAfter(file, `line ${count}`, error) : error;
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}

/** @param last what was read completely before the damage */
export function damagedAfter(file: string, last: string, { packing, message, cause }: DamagedData): CoxswainError {
  return new CoxswainError(
    "data",
    `${file}: the ${packing} data are damaged or end early, after ${last} (${message})`,
    {
      hint: "Copy or download the file again.",
      cause,
    },
  );
}
