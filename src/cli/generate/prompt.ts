/** Reads the prompt of `coxswain generate` from options, a file or standard input. */
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { Conversation } from "../../data/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";
import { isOpenedByShell, refuseSpecialFile } from "../../regular-file.js";
import { parseJson } from "../../jinja/index.js";
import { contradiction, conversationOf, type PromptRequest } from "../../library/index.js";
import type { GenerateFlags } from "./flags.js";
import { warn } from "../terminal/quiet-progress.js";

type PromptFlags = Pick<GenerateFlags, "prompt" | "messages" | "system" | "raw">;

/** The part of standard input that is used here. */
export interface PromptInput extends AsyncIterable<unknown> {
  readonly isTTY?: boolean | undefined;
}

/**
 * @param input standard input; not opened if a prompt is given
 * @throws CoxswainError "usage" for conflicting options or an empty prompt; "data" for a file that is not a conversation
 */
export async function readRequest(
  { prompt, messages, system, ...flags }: PromptFlags,
  input: () => PromptInput,
): Promise<PromptRequest> {
  const raw = flags.raw === true;
  if (messages !== undefined) {
    const other = prompt !== undefined ? "--prompt" : raw ? "--raw" : undefined;
    if (other !== undefined) throw contradiction("--messages", other);
    return { kind: "conversation", conversation: await readConversation(messages, system), where: messages };
  }
  if (raw && system !== undefined) throw contradiction("--raw", "--system");
  const text = prompt ?? (await readInput(input()));
  if (text === "") throw new CoxswainError("usage", "the prompt is empty", { hint: 'Give one with --prompt "…".' });
  return { kind: "prompt", text, system: system ?? null, raw };
}

async function readInput(input: PromptInput): Promise<string> {
  if (input.isTTY === true) warn("reading the prompt from standard input; Ctrl-D ends it");
  // The line break that `echo` and editors append is not part of the prompt.
  return (await readAll(input as AsyncIterable<Uint8Array>)).replace(/\r?\n$/, "");
}

async function readConversation(file: string, system: string | undefined): Promise<Conversation> {
  return await conversationOf(parse(await readText(file), file), system, { where: file, system: "--system" });
}

async function readText(file: string): Promise<string> {
  if (!isOpenedByShell(file)) await refuseSpecialFile(file, "data");
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const missing = systemCodeOf(error) === "ENOENT";
    throw new CoxswainError("data", missing ? `${file}: no such file` : `${file} can't be read: ${messageOf(error)}`, {
      hint: "--messages takes the path of a JSON file.",
      cause: error,
    });
  }
}

function parse(text: string, file: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new CoxswainError("data", `${file}: not JSON: ${messageOf(error)}`, {
      hint: 'The file must contain a list such as [{"role": "user", "content": "…"}].',
      cause: error,
    });
  }
}
