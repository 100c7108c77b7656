/** Text that came from another process, to be shown: terminals act on control characters. Pure. */

/** All but tabs and line feeds. */
const control = /(?![\t\n])\p{Cc}/gu;

/** The same text with U+FFFD for each control character. Lines stay lines. */
export const visibleText = (text: string): string => text.replaceAll("\r\n", "\n").replaceAll(control, "\uFFFD");

/** The same on one line of at most `longest` characters. */
export function visibleLine(text: string, longest = 2_000): string {
  const line = visibleText(text.slice(0, longest + 1)).replaceAll(/[\t\n\u2028\u2029]+/g, " ");
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

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
