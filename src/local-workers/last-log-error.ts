/** Reads the error that ended a process, and its hint, from the process's log. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

export interface LastLogError {
  readonly error: string;
  readonly hint: string | undefined;
}

/** Number of bytes read from the end of a log. */
const tail = 64 * 1024;
/** Maximum number of characters quoted of an error. */
const longest = 1_000;
/** The level of errors in JSON lines. */
const errorLevel = 50;

/**
 * @param from offset where the process began to write, bytes. @returns undefined if there is no error or no readable
 * log
 */
export function readLastLogError(path: string, from: number): LastLogError | undefined {
  try {
    const file = openSync(path, "r");
    try {
      const { size } = fstatSync(file);
      const start = Math.max(from, size - tail);
      const bytes = Buffer.alloc(Math.max(0, size - start));
      return lastLogError(bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, start)));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** `error: …` and `hint: …` have precedence over JSON lines: they end a process. Pure. */
export function lastLogError(log: string): LastLogError | undefined {
  const lines = stripVTControlCharacters(log).split(/\r?\n/);
  const last = lines.findLastIndex((line) => plain.test(line));
  if (last < 0) return lastLogged(lines);
  const said = (lines[last] ?? "").replace(/^error: /, "");
  const rest = lines.slice(last + 1);
  const end = rest.findIndex((line) => line.startsWith("hint: ") || line.startsWith("{") || line.trim() === "");
  const more = (lines[last] ?? "").startsWith("error: ") ? rest.slice(0, end < 0 ? undefined : end) : [];
  const hint = rest[end]?.startsWith("hint: ") === true ? rest[end].slice("hint: ".length) : undefined;
  return { error: shortened([said, ...more].join("\n")), hint };
}

/** Our errors, and those that Node.js prints when it crashes. */
const plain = /^(error: |FATAL ERROR: |\w*Error(?: \[\w+\])?: )/;

function lastLogged(lines: readonly string[]): LastLogError | undefined {
  for (const line of lines.toReversed()) {
    const logged = parsed(line);
    if (logged === undefined) continue;
    const { level, msg, error, hint } = logged;
    if (typeof level !== "number" || level < errorLevel || typeof msg !== "string") continue;
    const cause: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "message") : error;
    return {
      error: shortened(typeof cause === "string" ? `${msg}: ${cause}` : msg),
      hint: typeof hint === "string" ? hint : undefined,
    };
  }
  return undefined;
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}

const shortened = (text: string): string => (text.length > longest ? `${text.slice(0, longest)}…` : text);
