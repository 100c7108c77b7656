/** Jinja's filter `wordwrap`: Python's `textwrap.wrap` of each line. */
import { UnsupportedError, valueError } from "./errors.js";
import { isSimple, splitLines, stripStart } from "./unicode.js";

export interface WrapOptions {
  readonly width: number;
  readonly breakLongWords: boolean;
  readonly breakOnHyphens: boolean;
  readonly wrapString: string;
}

const space = "[\\t\\n\\v\\f\\r ]";
const word = "\\p{L}\\p{N}_";
const letter = "[\\p{L}\\p{Nl}\\p{No}_]";
const punctuated = `[${word}!"'&.,?]`;
const hyphenated = `-(?:(?<=${letter}{2}-)|(?<=${letter}-${letter}-))(?=${letter}-?${letter})`;
/** `TextWrapper.wordsep_re`: white space, a dash between words, or a word up to a hyphen, its end or a dash. */
const wordSeparator = new RegExp(
  `(${space}+|(?<=${punctuated})-{2,}(?=[${word}])|` +
    `[^\\t\\n\\v\\f\\r ]+?(?:${hyphenated}|(?=${space}|$)|(?<=${punctuated})(?=-{2,}[${word}])))`,
  "u",
);
const spaceSeparator = new RegExp(`(${space}+)`);

function chunksOf(line: string, onHyphens: boolean): string[] {
  return line.split(onHyphens ? wordSeparator : spaceSeparator).filter((chunk) => chunk !== "");
}

const isBlank = (chunk: string): boolean => stripStart(chunk) === "";

function wrapLine(line: string, { width, breakLongWords, breakOnHyphens }: WrapOptions): string[] {
  if (width <= 0) throw valueError(`invalid width ${width} (must be > 0)`);
  if (!isSimple(line)) throw new UnsupportedError("the filter 'wordwrap' on characters beyond U+FFFF");
  const chunks = chunksOf(line, breakOnHyphens).reverse();
  const lines: string[] = [];
  while (chunks.length > 0) {
    const current: string[] = [];
    let length = 0;
    if (lines.length > 0 && isBlank(chunks.at(-1) ?? "")) chunks.pop();
    for (let chunk = chunks.at(-1); chunk !== undefined && length + chunk.length <= width; chunk = chunks.at(-1)) {
      current.push(chunk);
      length += chunk.length;
      chunks.pop();
    }
    const long = chunks.at(-1);
    if (long !== undefined && long.length > width) {
      if (breakLongWords) {
        const cut = breakAt(long, width - length, breakOnHyphens);
        current.push(long.slice(0, cut));
        chunks[chunks.length - 1] = long.slice(cut);
      } else if (current.length === 0) {
        current.push(long);
        chunks.pop();
      }
    }
    if (isBlank(current.at(-1) ?? "x")) current.pop();
    if (current.length > 0) lines.push(current.join(""));
  }
  return lines;
}

/** Where a word that is too long is cut: behind its last hyphen that fits. */
function breakAt(word: string, space: number, onHyphens: boolean): number {
  if (!onHyphens || word.length <= space) return space;
  const hyphen = word.slice(0, space).lastIndexOf("-");
  return hyphen > 0 && /[^-]/.test(word.slice(0, hyphen)) ? hyphen + 1 : space;
}

export function wordwrap(text: string, options: WrapOptions): string {
  return splitLines(text)
    .map((line) => wrapLine(line, options).join(options.wrapString))
    .join(options.wrapString);
}
