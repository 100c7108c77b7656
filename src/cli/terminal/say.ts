/** A line for the user on whichever output can still be written. */
import type { OutputName } from "../process/output-loss.js";

/** @param output asked before each line; undefined where no output is left */
export const sayTo =
  (output: () => OutputName | undefined) =>
  (text: string): void => {
    const name = output();
    if (name !== undefined) process[name].write(`${text}\n`);
  };
