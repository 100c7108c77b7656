/** Whether and how to colour. One answer for all commands, so that NO_COLOR is respected everywhere. */
import { createColors } from "picocolors";

export type Colours = ReturnType<typeof createColors>;

type Environment = Readonly<Record<string, string | undefined>>;

interface Stream {
  readonly isTTY?: boolean | undefined;
}

/** Whether what is written to a stream can be coloured and redrawn: it is a terminal, and not a "dumb" one. */
export const isTerminal = (stream: Stream, environment: Environment = process.env): boolean =>
  stream.isTTY === true && environment["TERM"] !== "dumb";

/**
 * Colours for a stream: where it is a terminal, unless NO_COLOR says otherwise; FORCE_COLOR colours anything.
 * (no-color.org: a variable that is empty counts as not set.)
 */
export function coloursFor(stream: Stream, environment: Environment = process.env): Colours {
  const isSet = (name: string): boolean => (environment[name] ?? "") !== "";
  if (isSet("NO_COLOR")) return createColors(false);
  const forced = isSet("FORCE_COLOR") && environment["FORCE_COLOR"] !== "0";
  return createColors(forced || isTerminal(stream, environment));
}

/**
 * Whether the terminal shows characters beyond ASCII, by its locale: `LC_ALL`, else `LC_CTYPE`, else `LANG`. Containers
 * have none of them set and show UTF-8; "C" and "POSIX" promise ASCII alone.
 */
export function supportsUnicode(environment: Environment = process.env): boolean {
  if (environment["TERM"] === "linux") return false;
  const locale = [environment["LC_ALL"], environment["LC_CTYPE"], environment["LANG"]].find(
    (name) => (name ?? "") !== "",
  );
  return locale === undefined || /utf-?8/i.test(locale);
}
