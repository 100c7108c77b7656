/**
 * Reads examples from CSV and TSV: the first line names the columns, every value is text. Quoted fields may hold
 * separators, quotes (doubled) and line breaks. Parsed by csv-parse.
 */
import { CsvError, parse, type InfoRecord, type Options } from "csv-parse";
import { CoxswainError } from "../../errors.js";
import { jsonObject } from "../../jinja/index.js";
import { through, type Chunks } from "./bytes.js";
import { linesOf } from "./lines.js";
import type { RawRecord } from "./record.js";

interface Row {
  readonly fields: readonly string[];
  /** The first line of it, from 1. */
  readonly line: number;
}

/** Separators of CSV files: spreadsheets write a semicolon where the comma is the decimal sign. */
const separators = [",", ";", "\t", "|"];

/** The one that the header has most of, outside quotes. */
export function separatorOf(header: string): string {
  const bare = header.replaceAll(/"(?:[^"]|"")*"/g, "");
  const counts = separators.map((each) => bare.split(each).length);
  return separators[counts.indexOf(Math.max(...counts))] ?? ",";
}

/** Text in pieces of this many characters, which cost less than lines. */
const pieceLength = 1 << 16;

async function* pieces(file: string, chunks: Chunks, onHeader: (line: string) => void): AsyncGenerator<string> {
  let piece = "";
  let isFirst = true;
  for await (const { number, text } of linesOf(file, chunks)) {
    // Where the row of a line that is no text ends, cannot be known.
    if (typeof text !== "string") throw text;
    if (text.includes("\0")) throw malformed(file, number, "a NUL byte", "Create the file again, or remove it.");
    if (isFirst && text.trim() !== "") {
      isFirst = false;
      if (/\r./.test(text)) {
        throw malformed(
          file,
          number,
          "line ends of only a carriage return",
          "Convert them: tr '\\r' '\\n' < old > new",
        );
      }
      onHeader(text);
    }
    piece += `${text}\n`;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

const malformed = (file: string, line: number, what: string, hint: string): CoxswainError =>
  new CoxswainError("data", `${file}:${line}: ${what}`, { hint });

/** @param separator undefined: as the header shows */
export async function* readCsv(file: string, chunks: Chunks, separator: string | undefined): AsyncGenerator<RawRecord> {
  let names: readonly string[] | undefined;
  for await (const { fields, line } of rowsOf(file, chunks, separator)) {
    if (names === undefined) {
      if (isSeparatorLine(fields)) continue;
      names = fields;
      const twice = names.find((name, index) => fields.indexOf(name) !== index);
      if (twice !== undefined)
        throw malformed(file, line, `two columns have the name ${JSON.stringify(twice)}`, "Rename one of them.");
      continue;
    }
    const columns = names;
    if (fields.length !== columns.length) throw wrongLength(file, line, fields.length, columns.length);
    const where = `${file}:${line}`;
    yield { where, parse: () => ({ value: jsonObject(columns.map((name, at) => [name, fields[at] ?? ""])) }) };
  }
}

/** "sep=;", with which Excel names the separator before the header. */
const isSeparatorLine = ([first, ...rest]: readonly string[]): boolean =>
  first === "sep=" && rest.length === 1 && rest[0] === "";

const wrongLength = (file: string, line: number, fields: number, columns: number): CoxswainError =>
  malformed(
    file,
    line,
    `the row has ${fields} ${fields === 1 ? "field" : "fields"}, but the header has ${columns}`,
    "Put a field that has separators or line breaks in double quotes, and double the quotes in it.",
  );

async function* rowsOf(file: string, chunks: Chunks, separator: string | undefined): AsyncGenerator<Row> {
  /** The line after the last complete row; csv-parse counts CRLF in quotes twice. */
  let next = 1;
  let blanks = 0;
  let known = separator;
  const text = pieces(file, chunks, (header) => (known ??= separatorOf(header)));
  // The separator is known with the first piece.
  const first = await text.next();
  if (first.done === true) return;
  async function* all(): AsyncGenerator<string> {
    yield first.value as string;
    yield* text;
  }
  const options: Options = {
    delimiter: known ?? ",",
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    // Quotes within a field that does not begin with one are text.
    relax_quotes: true,
    skip_empty_lines: true,
    raw: true,
    // Its type knows neither what `raw` makes of a record nor a record of another kind.
    on_record: (({ record: fields, raw }: RawRow, { empty_lines: empty }: InfoRecord): Row => {
      const line = next + empty - blanks;
      if (fields.some((field) => field.startsWith('"') && !raw.includes(quoted(field)))) throw new StrayQuote(line);
      blanks = empty;
      next = line + 1 + fields.reduce((sum, field) => sum + breaks(field), 0);
      return { fields, line };
    }) as unknown as NonNullable<Options["on_record"]>,
  };
  try {
    yield* through(all(), parse(options)) as AsyncGenerator<Row>;
  } catch (error) {
    if (error instanceof StrayQuote) throw misquoted(file, error.line, error);
    throw error instanceof CsvError ? misquoted(file, next, error) : error;
  } finally {
    await text.return(undefined);
  }
}

/** What csv-parse gives with `raw`. */
interface RawRow {
  readonly record: readonly string[];
  /** As in the file. */
  readonly raw: string;
}

/** A field begins with a quote, and goes on after the one that closes it. */
class StrayQuote extends Error {
  readonly line: number;

  constructor(line: number) {
    super("a quote within a quoted field is not doubled");
    this.line = line;
  }
}

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;

function misquoted(file: string, line: number, error: Error): CoxswainError {
  const isOpen = error instanceof CsvError && error.code === "CSV_QUOTE_NOT_CLOSED";
  const what = isOpen
    ? "a field begins with a double quote that is never closed"
    : error instanceof CsvError
      ? error.message
      : "a field begins with a double quote, but does not end with one";
  return malformed(
    file,
    line,
    what,
    'Write such a field in double quotes, with those in it doubled: """Yes"", she said".',
  );
}

function breaks(field: string): number {
  let count = 0;
  for (let at = field.indexOf("\n"); at >= 0; at = field.indexOf("\n", at + 1)) count++;
  return count;
}
