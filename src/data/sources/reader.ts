/**
 * Reads examples from JSON files, one at a time: JSONL line by line, for files of any size; a .json file may also
 * contain one list. A byte-order mark, CRLF and blank lines are accepted. Does not know what the examples mean.
 */
import { open } from "node:fs/promises";
import { CoxswainError, messageOf } from "../../errors.js";
import { parseJson, repeatedKeys } from "../../jinja/index.js";
import { brokenJsonHint, refuseByEncoding } from "./broken-json.js";
import { refuseByContent, refusedLine } from "./foreign-data.js";
import { resolveSources } from "./files.js";

/** One example and its location. */
export interface DataRecord {
  /** Numbers and keys are kept as by `parseJson` (`src/jinja/`): a template sees them as written in the file. */
  readonly value: unknown;
  /** "train.jsonl:7" (a line, from 1), or "train.json: item 7" of a list. Names the example in errors. */
  readonly where: string;
  /** The path of a key that an object has twice, such as "messages[2].role": only its last value is in `value`. */
  readonly repeatedKey?: string | undefined;
}

const lineFeed = 0x0a;
const openBracket = 0x5b;
const blank = /^[ \t\r\n]*$/;
const byteOrderMark = "\ufeff";

/** Strict: invalid UTF-8 is an error, never a replacement character that would be learnt. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The file's lines as bytes, without line feed. (Node's readline would also split at U+2028, inside JSON.) */
async function* byteLines(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    let parts: Buffer[] = [];
    for await (const chunk of file.createReadStream({ highWaterMark: 1 << 18, autoClose: false })) {
      const bytes = chunk as Buffer;
      let from = 0;
      for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, from)) {
        parts.push(bytes.subarray(from, at));
        yield parts.length === 1 ? bytes.subarray(from, at) : Buffer.concat(parts);
        parts = [];
        from = at + 1;
      }
      if (from < bytes.length) parts.push(bytes.subarray(from));
    }
    if (parts.length > 0) yield Buffer.concat(parts);
  } finally {
    // Waits for a read in progress, which a reader that stops early would leave behind.
    await file.close();
  }
}

function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new CoxswainError("data", `${where}: not UTF-8 text`, {
      hint: "Save the file as UTF-8; unpack compressed files first.",
      cause: error,
    });
  }
}

function parseExample(file: string, text: string, where: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${where}: not JSON: ${messageOf(error)}`, {
      hint: brokenJsonHint(file, text, messageOf(error), where === file ? "file" : "line"),
      cause: error,
    });
  }
}

/** Reads a file that contains one list as a whole. */
async function readList(file: string, lines: AsyncIterable<Buffer>, first: string): Promise<DataRecord[]> {
  const parts = [first];
  for await (const line of lines) parts.push(decodeText(line, file));
  const text = parts.join("\n");
  const value = parseExample(file, text, file);
  if (!Array.isArray(value)) throw new CoxswainError("data", `${file}: not a list of examples`);
  const repeated = repeatedKeys(text, value);
  return value.map((example: unknown, index) => ({
    value: example,
    where: `${file}: item ${index + 1}`,
    repeatedKey: repeated.find((path) => path.startsWith(`[${index}]`))?.replace(/^\[\d+\]\.?/, ""),
  }));
}

/** The error for a first line that is not JSON because the file is a table or plain text. */
function refusedFirst(file: string, text: string, where: string): CoxswainError | undefined {
  try {
    parseExample(file, text, where);
    return undefined;
  } catch {
    return refusedLine(file, text, true);
  }
}

/** A record that is parsed by whoever reads it, so that one bad line does not end the reading. */
interface RawRecord {
  readonly where: string;
  /** @throws CoxswainError "data" if the line is not text or not JSON */
  readonly parse: () => Omit<DataRecord, "where">;
}

function parseLine(file: string, text: string, where: string): Omit<DataRecord, "where"> {
  const value = parseExample(file, text, where);
  return { value, repeatedKey: repeatedKeys(text, value)[0] };
}

/** The line as text without byte-order mark, or the error that it is none. */
function textOf(bytes: Buffer, where: string, isFirst: boolean): string | CoxswainError {
  try {
    const text = decodeText(bytes, where);
    return isFirst && text.startsWith(byteOrderMark) ? text.slice(1) : text;
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
}

async function* readFileRecords(file: string): AsyncGenerator<RawRecord> {
  const lines = byteLines(file);
  let number = 0;
  let started = false;
  for await (const bytes of lines) {
    const where = `${file}:${++number}`;
    if (number === 1) {
      refuseByContent(file, bytes);
      refuseByEncoding(file, bytes);
    }
    const text = textOf(bytes, where, number === 1);
    if (typeof text !== "string") {
      const parse = (): never => {
        throw text;
      };
      yield { where, parse };
      continue;
    }
    if (blank.test(text)) continue;
    if (!started && text.trimStart().charCodeAt(0) === openBracket) {
      for (const record of await readList(file, lines, text)) yield { where: record.where, parse: () => record };
      return;
    }
    // A first line of another format shows that the file has no JSON.
    const refused = started ? undefined : refusedFirst(file, text, where);
    if (refused !== undefined) throw refused;
    started = true;
    yield { where, parse: () => parseLine(file, text, where) };
  }
}

export interface ReadOptions {
  /** Receives the error of a line that is not text or not JSON, which is then omitted. Default: it is thrown. */
  readonly onBadLine?: (where: string, error: unknown) => void;
}

/**
 * All examples of a source, in order.
 * @param source a file, a folder, or a list of these
 * @throws CoxswainError "data" naming file and line if something can't be read, or if there are no examples
 */
export async function* readRecords(
  source: string | readonly string[],
  { onBadLine }: ReadOptions = {},
): AsyncGenerator<DataRecord> {
  const files = await resolveSources(source);
  let count = 0;
  for (const file of files) {
    try {
      for await (const { where, parse } of readFileRecords(file)) {
        count++;
        let record: Omit<DataRecord, "where">;
        try {
          record = parse();
        } catch (error) {
          if (onBadLine === undefined) throw error;
          onBadLine(where, error);
          continue;
        }
        yield { ...record, where };
      }
    } catch (error) {
      if (error instanceof CoxswainError) throw error;
      throw new CoxswainError("data", `${file} can't be read: ${messageOf(error)}`, { cause: error });
    }
  }
  if (count === 0) {
    throw new CoxswainError("data", `${files.join(", ")}: no examples found`, {
      hint: 'Write one JSON object per line, such as {"messages": [...]}.',
    });
  }
}
