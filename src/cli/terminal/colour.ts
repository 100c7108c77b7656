/** Decides on colours, for all commands alike, so that NO_COLOR is respected everywhere. */
import { createColors } from "picocolors";

export type Colours = ReturnType<typeof createColors>;

type Environment = Readonly<Record<string, string | undefined>>;

interface Stream {
  readonly isTTY?: boolean | undefined;
}

/** Whether a stream supports colours and redrawing: it is a terminal, and not a "dumb" one. */
export const isTerminal = (stream: Stream, environment: Environment = process.env): boolean =>
  stream.isTTY === true && environment["TERM"] !== "dumb";

/**
 * Colours for a stream: on if it is a terminal or FORCE_COLOR is set, unless NO_COLOR is set.
 * (no-color.org: an empty variable counts as not set.)
 */
export function coloursFor(stream: Stream, environment: Environment = process.env): Colours {
  const isSet = (name: string): boolean => (environment[name] ?? "") !== "";
  if (isSet("NO_COLOR")) return createColors(false);
  const forced = isSet("FORCE_COLOR") && environment["FORCE_COLOR"] !== "0";
  return createColors(forced || isTerminal(stream, environment));
}

/**
 * Whether the terminal supports characters beyond ASCII, by its locale: `LC_ALL`, else `LC_CTYPE`, else `LANG`.
 * Containers set none of them and support UTF-8; "C" and "POSIX" guarantee only ASCII.
 */
export function supportsUnicode(environment: Environment = process.env): boolean {
  if (environment["TERM"] === "linux") return false;
  const locale = [environment["LC_ALL"], environment["LC_CTYPE"], environment["LANG"]].find(
    (name) => (name ?? "") !== "",
  );
  return locale === undefined || /utf-?8/i.test(locale);
}
