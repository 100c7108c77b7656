/** Text that came from another process, to be shown: terminals act on control characters. Pure. */

/** All but tabs and line feeds. */
const control = /(?![\t\n])\p{Cc}/gu;

/** Change the order in which later characters are shown. */
const bidirectional = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** The same text with U+FFFD for each control character. Lines stay lines. */
export const visibleText = (text: string): string => text.replaceAll("\r\n", "\n").replaceAll(control, "\uFFFD");

/** The same on one line of at most `longest` characters, which appear in the order in which they are written. */
export function visibleLine(text: string, longest = 2_000): string {
  const line = visibleText(text.slice(0, longest + 1))
    .replaceAll(/[\t\n\u2028\u2029]+/g, " ")
    .replaceAll(bidirectional, "\uFFFD");
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

/**
 * What another machine says: a reason, an error, a name. All of it passes this function before it reaches a terminal, a
 * log, an event, a metric or a page: nobody else's text looks like a line of ours, or fills a disk.
 */
export const textFromOutside = (text: string): string => visibleLine(text, 500);

/** The same for every text within a JSON value. */
export function visibleTexts<Value>(value: Value): Value {
  const visible = (part: unknown): unknown => {
    if (typeof part === "string") return visibleLine(part);
    if (Array.isArray(part)) return part.map(visible);
    if (typeof part !== "object" || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([key, entry]) => [key, visible(entry)]));
  };
  return visible(value) as Value;
}
