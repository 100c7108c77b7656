/** A file's lines as text, with their numbers; and what cannot be text. */
import { CoxswainError } from "../../errors.js";
import { DamagedData, type Chunks } from "./bytes.js";

const lineFeed = 0x0a;
const byteOrderMark = "\ufeff";

/**
 * Of a line or an item, bytes: some million tokens, far beyond any context. Libraries that take a text as a whole need
 * many times its size, and some end the process where they fail.
 */
export const largestRecord = 8 * 1024 * 1024;

export const tooLarge = (where: string): CoxswainError =>
  new CoxswainError("data", `${where}: has more than ${largestRecord} bytes`, {
    hint: "Split the example: what is beyond data.max_length is not trained on.",
  });

/** Strict: invalid UTF-8 is an error, never a replacement character that would be learnt. */
export const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new CoxswainError("data", `${where}: not UTF-8 text`, { hint: "Save the file as UTF-8.", cause: error });
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

function textOf(file: string, number: number, bytes: Buffer | undefined): string | CoxswainError {
  if (bytes === undefined) return tooLarge(`${file}:${number}`);
  try {
    const text = decodeText(bytes, `${file}:${number}`);
    return number === 1 && text.startsWith(byteOrderMark) ? text.slice(1) : text;
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
}

/** The bytes of each line; undefined for one that is too large, of which nothing is kept. */
async function* byteLines(file: string, chunks: Chunks): AsyncGenerator<Buffer | undefined> {
  let parts: Buffer[] = [];
  /** Bytes of the line so far. */
  let size = 0;
  let count = 0;
  const add = (part: Buffer): void => {
    size += part.length;
    if (size <= largestRecord) parts.push(part);
    else parts = [];
  };
  const take = (): Buffer | undefined => {
    const [only] = parts;
    const line = size > largestRecord ? undefined : parts.length === 1 ? only : Buffer.concat(parts);
    [parts, size] = [[], 0];
    return line;
  };
  try {
    for await (const bytes of chunks) {
      let from = 0;
      for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, from)) {
        add(bytes.subarray(from, at));
        from = at + 1;
        count++;
        yield take();
      }
      if (from < bytes.length) add(bytes.subarray(from));
    }
  } catch (error) {
    throw error instanceof DamagedData ? damagedAfter(file, `line ${count}`, error) : error;
  }
  if (size > 0) yield take();
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
