/** The work of `coxswain chat`: opens the models, reads lines, answers, until the input ends. */
import { CoxswainError } from "../../errors.js";
import { findAdapter, openChat } from "../../library/index.js";
import type { OpenEngine, ChatSides } from "../../library/index.js";
import { formatError } from "../frame.js";
import { templateKwargs } from "../options/template-kwargs.js";
import type { ModelFlags, SamplingFlags } from "../options/model.js";
import { coloursFor } from "../terminal/colour.js";
import { progressWithNotes, warn } from "../terminal/quiet-progress.js";
import { showAnswers, type NamedSide, type Outcome } from "./answers.js";
import { chatHelp, parseLine } from "./commands.js";
import { openInput, type ChatTerminal } from "./input.js";

export interface ChatFlags extends Omit<ModelFlags, "adapter" | "json">, SamplingFlags {
  readonly model?: string;
  readonly system?: string;
  readonly baseOnly?: true;
  readonly tunedOnly?: true;
}

export interface ChatHost extends ChatTerminal {
  readonly openEngine?: OpenEngine;
  exit(code: number): void;
}

export async function chat(path: string, flags: ChatFlags, host: ChatHost): Promise<void> {
  const sides = await openSides(path, flags, host);
  const named = [
    ...(sides.base === null ? [] : [{ title: "base", side: sides.base }]),
    ...(sides.tuned === null ? [] : [{ title: "tuned", side: sides.tuned }]),
  ];
  try {
    for (const { side } of named) side.setSystem(flags.system);
    await converse(named, flags, host);
  } finally {
    for (const { side } of named) await side.close();
  }
}

async function openSides(path: string, flags: ChatFlags, host: ChatHost): Promise<ChatSides> {
  const { baseOnly, tunedOnly, chatTemplate, engine, device, quantization, threads, temperature, topP, topK } = flags;
  if (baseOnly === true && tunedOnly === true)
    throw new CoxswainError("usage", "--base-only and --tuned-only can't be given together");
  const adapter = await findAdapter(path);
  if (adapter === null && flags.model !== undefined)
    throw new CoxswainError("usage", `${path} is not a run or an adapter, so --model can't be given with it`);
  if (adapter === null && tunedOnly === true)
    throw new CoxswainError("usage", `--tuned-only: ${path} is not a run or an adapter`);
  const progress = progressWithNotes();
  try {
    const models = adapter === null ? { model: path } : { model: flags.model, adapter };
    const kwargs = templateKwargs(flags.chatTemplateKwargs);
    progress.show("loading the model");
    const sides = await openChat(
      {
        ...models,
        temperature,
        topP,
        topK,
        chatTemplate,
        chatTemplateKwargs: kwargs,
        engine,
        device,
        quantization,
        threads,
        onProgress: progress.show,
      },
      baseOnly === true ? "base" : tunedOnly === true ? "tuned" : undefined,
      host.openEngine,
    );
    for (const note of sides.notes) progress.note(note);
    return sides;
  } finally {
    progress.close();
  }
}

async function converse(sides: readonly NamedSide[], flags: ChatFlags, host: ChatHost): Promise<void> {
  const { stdin, stdout } = host;
  const interactive = stdin.isTTY === true;
  let stopping: AbortController | undefined;
  let drawing: SamplingFlags = flags;
  if (interactive) stdout.write(`${coloursFor(stdout).dim(greeting(sides))}\n`);
  const input = openInput(host, "> ", (editing) => {
    if (editing) return;
    if (stopping?.signal.aborted === false) {
      stopping.abort();
      return;
    }
    if (stopping === undefined && interactive) {
      // The input ends, as with Ctrl-D.
      input.close();
      return;
    }
    host.exit(130);
  });
  try {
    for (let line = await input.next(); line !== null; line = await input.next()) {
      const asked = parseLine(line);
      switch (asked.kind) {
        case "nothing":
          break;
        case "exit":
          return;
        case "help":
          stdout.write(chatHelp);
          break;
        case "reset":
          for (const { side } of sides) side.reset();
          warn("a new conversation");
          break;
        case "system":
          for (const { side } of sides) side.setSystem(asked.text);
          warn(asked.text === undefined ? "no system message" : "the system message is set");
          break;
        case "temperature":
          drawing = { ...drawing, temperature: asked.value };
          warn(`temperature ${asked.value}`);
          break;
        case "mistake":
          warn(asked.text);
          break;
        case "message": {
          stopping = new AbortController();
          const outcomes = await showAnswers(sides, asked.text, drawing, stdout, stopping.signal);
          stopping = undefined;
          report(sides, outcomes, drawing, interactive);
          // Another draw for the same question asked again; still the same in every session.
          drawing = { ...drawing, seed: drawing.seed + 1 };
          break;
        }
      }
    }
    // Ctrl-C and Ctrl-D leave the prompt on its line.
    if (interactive) stdout.write("\n");
  } finally {
    input.close();
  }
}

const greeting = (sides: readonly NamedSide[]): string => {
  const [name] = sides.map(({ side }) => side.opened.name);
  const what = sides.map(({ title }) => title).join(" and ");
  return `${name ?? ""} (${what}). /help lists the commands; Ctrl-D leaves.`;
};

/** What is to be said about answers that are missing or incomplete. */
function report(
  sides: readonly NamedSide[],
  outcomes: readonly Outcome[],
  { maxNewTokens }: SamplingFlags,
  interactive: boolean,
): void {
  const said = new Set<string>();
  outcomes.forEach((outcome, index) => {
    if ("error" in outcome) {
      const text = formatError(outcome.error, {
        stderr: process.stderr,
        environment: process.env,
        exit: () => undefined,
      });
      // Both sides usually fail for the same reason.
      if (!said.has(text)) process.stderr.write(text);
      said.add(text);
      if (!interactive) process.exitCode = outcome.error.exitCode;
      return;
    }
    const { result } = outcome.answer;
    const who = sides.length > 1 ? `${sides[index]?.title ?? ""}: ` : "";
    if (result === null) warn(`${who}stopped`);
    else if (result.finishReason === "length") warn(`${who}cut off after ${maxNewTokens} tokens (--max-new-tokens)`);
    else if (result.finishReason === "context")
      warn(
        `${who}cut off: the model has ${result.contextLength} positions for conversation and answer together; ` +
          "/reset starts a new one",
      );
  });
}
