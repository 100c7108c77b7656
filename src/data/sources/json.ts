/** Reads examples from JSON: JSONL line by line, or the items of one list, for files of any size. */
import { CoxswainError, messageOf } from "../../errors.js";
import { parseJson, repeatedKeys } from "../../jinja/index.js";
import { convertedName } from "../converted-name.js";
import { wrapped, wrappingKeyAtStart } from "../wrapped-examples.js";
import { brokenJsonHint } from "./broken-json.js";
import { DamagedData, isBlank, type Chunks } from "./bytes.js";
import { refusedLine } from "./foreign-data.js";
import { damagedAfter, decodeText, largestRecord, linesOf, tooLarge } from "./lines.js";
import { isTooDeep, mostNested } from "./nesting.js";
import type { RawRecord } from "./record.js";

const blank = /^[ \t\r\n]*$/;

export function parseExample(file: string, text: string, where: string, what: "line" | "file" | "item"): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${where}: not JSON: ${messageOf(error)}`, {
      hint: brokenJsonHint(file, text, messageOf(error), what),
      cause: error,
    });
  }
}

/** @throws what a line is not */
const failing = (error: CoxswainError) => (): never => {
  throw error;
};

/** @param start the first characters of the file */
export async function* readJsonLines(file: string, chunks: Chunks, start: string): AsyncGenerator<RawRecord> {
  let started = false;
  for await (const { number, text } of linesOf(file, chunks)) {
    const where = `${file}:${number}`;
    if (typeof text !== "string") {
      yield { where, parse: failing(text) };
      continue;
    }
    if (blank.test(text)) continue;
    // A first line of another format shows that the file has no JSON.
    const refused = started ? undefined : refusedFirst(file, text, where, start);
    if (refused !== undefined) throw refused;
    started = true;
    yield { where, parse: () => parsed(file, text, where, "line") };
  }
}

function parsed(file: string, text: string, where: string, what: "line" | "item"): ReturnType<RawRecord["parse"]> {
  const value = parseExample(file, text, where, what);
  if (isTooDeep(text, value))
    throw new CoxswainError("data", `${where}: lists and objects are nested more than ${mostNested} deep`, {
      hint: "Give the part that is meant as JSON text.",
    });
  return { value, repeatedKey: repeatedKeys(text, value)[0] };
}

/** The error for a first line that is not JSON because the file is a table or plain text. */
function refusedFirst(file: string, text: string, where: string, start: string): CoxswainError | undefined {
  try {
    parseExample(file, text, where, "line");
    return undefined;
  } catch {
    const key = wrappingKeyAtStart(start);
    return key === undefined ? refusedLine(file, text, true) : wrapped(file, file, key, convertedName(file));
  }
}

/** The items of one list. */
export async function* readJsonList(file: string, chunks: Chunks): AsyncGenerator<RawRecord> {
  const list = new ListItems();
  let number = 0;
  const failed = (message: string, hint: string): CoxswainError =>
    new CoxswainError("data", `${file}: not JSON: ${message}`, { hint });
  try {
    for await (const chunk of chunks) {
      for (const bytes of list.push(chunk)) {
        const where = `${file}: item ${++number}`;
        if (bytes.length > largestRecord) {
          yield { where, parse: failing(tooLarge(where)) };
          continue;
        }
        const text = decodeText(bytes, where);
        if (blank.test(text)) {
          const message = `item ${number} is empty`;
          throw failed(message, brokenJsonHint(file, "[,]", message, "file"));
        }
        yield { where, parse: () => parsed(file, text, where, "item") };
      }
      // Its end may be far, and what comes after it cannot be told before.
      if (list.pending > largestRecord) throw tooLarge(`${file}: item ${number + 1}`);
      if (list.after !== undefined) {
        throw failed(
          `the list is followed by ${JSON.stringify(list.after)}`,
          "A .json file has one list of examples; a .jsonl file one object per line.",
        );
      }
    }
  } catch (error) {
    throw error instanceof DamagedData ? damagedAfter(file, `item ${number}`, error) : error;
  }
  if (!list.isClosed) throw failed("the list does not end", "The file may be truncated.");
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Splits the bytes of a list at the commas between its items. */
class ListItems {
  isClosed = false;
  /** The first character after the list, if there is one that is not blank. */
  after: string | undefined;
  /** Bytes of the item that has not ended. */
  pending = 0;
  #depth = 0;
  #inText = false;
  #isEscaped = false;
  #isEmpty = true;
  #parts: Buffer[] = [];

  *push(bytes: Buffer): Generator<Buffer> {
    let from = 0;
    for (const [at, byte] of bytes.entries()) {
      if (this.#inText) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) this.#inText = false;
        continue;
      }
      if (this.isClosed) {
        if (!isBlank(byte)) this.after ??= String.fromCharCode(byte);
        continue;
      }
      if (this.#depth > 0 && this.#isEmpty && !isBlank(byte) && !(this.#depth === 1 && byte === closeBracket))
        this.#isEmpty = false;
      if (byte === quote) this.#inText = true;
      else if (byte === openBracket || byte === openBrace) {
        if (this.#depth++ === 0) from = at + 1;
      } else if (byte === closeBrace || (byte === closeBracket && this.#depth > 1)) this.#depth--;
      else if (this.#depth === 1 && (byte === comma || byte === closeBracket)) {
        this.isClosed = byte === closeBracket;
        if (!(this.isClosed && this.#isEmpty)) yield this.#item(bytes.subarray(from, at));
        from = at + 1;
      }
    }
    if (this.#depth === 0 || this.isClosed) return;
    this.#parts.push(bytes.subarray(from));
    this.pending += bytes.length - from;
  }

  #item(last: Buffer): Buffer {
    const item = Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.pending = 0;
    return item;
  }
}
