/** Prints a line for the user on an output that can still be written. */
import type { OutputName } from "../process/output-loss.js";

/** @param output called before each line; returns undefined if no output is left */
export const sayTo =
  (output: () => OutputName | undefined) =>
  (text: string): void => {
    const name = output();
    if (name !== undefined) process[name].write(`${text}\n`);
  };
