/** The parts of the process that `eval` and `generate` use. */
import type { OpenEngine } from "../../library/index.js";
import type { PromptInput } from "./prompt.js";

export interface AskHost {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
  readonly stdin: PromptInput;
  /** Default: an engine in a separate thread. */
  readonly openEngine?: OpenEngine;
}

export const thisProcess: AskHost = {
  stdout: process.stdout,
  // A getter, since Node opens stdin when it is first accessed.
  get stdin() {
    return process.stdin;
  },
};
