/** What the commands that ask a model touch of their process. */
import type { OpenEngine } from "../../library/index.js";
import type { PromptInput } from "./prompt.js";

export interface AskHost {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean | undefined };
  readonly stdin: PromptInput;
  /** Default: an engine in a thread of its own. */
  readonly openEngine?: OpenEngine;
}

export const thisProcess: AskHost = {
  stdout: process.stdout,
  // Only touching it opens it.
  get stdin() {
    return process.stdin;
  },
};
