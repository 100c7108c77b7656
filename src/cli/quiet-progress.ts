/** A live line on stderr for commands whose result is on stdout: where stderr is no terminal, nothing is shown. */
import { coloursFor, isTerminal } from "./colour.js";
import { createProgress } from "./progress.js";

export interface QuietProgress {
  /** What is being done. */
  show(text: string): void;
  /** Takes the line away. Later calls do nothing. */
  close(): void;
}

export function quietProgress(): QuietProgress {
  if (!isTerminal(process.stderr)) return { show: () => undefined, close: () => undefined };
  const progress = createProgress({ stream: process.stderr });
  return { show: (text) => progress.waiting(text), close: () => progress.close() };
}

/** Something that the user should know, on stderr whatever it is. */
export function warn(text: string): void {
  process.stderr.write(`${coloursFor(process.stderr).yellow("note:")} ${text}\n`);
}
