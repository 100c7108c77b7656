/**
 * Format `alpaca`: `{"instruction", "input"?, "output"}`. With a chat template a conversation, to which `system`,
 * `history` (`[[user, assistant], …]`, supervised like the answer) and `tools` belong, as in LLaMA-Factory. Otherwise the
 * prompt text that Stanford Alpaca was trained with (tatsu-lab/stanford_alpaca, train.py): the completion follows the
 * colon directly. That prompt has no place for these keys, which are then refused.
 */
import { CoxswainError } from "../../errors.js";
import { chatExample, plainMessage, systemField, withSystem } from "./chat.js";
import type { ExampleReader } from "./example.js";
import { describe, optionalTextField, textField, type Fields } from "./fields.js";
import { templateKwargsField } from "./template-kwargs.js";
import { toolsField } from "./tools.js";
import { alternating } from "./turns.js";

const header = "Below is an instruction that describes a task";
const request = "Write a response that appropriately completes the request.";

function stanfordPrompt(instruction: string, input: string): string {
  return input === ""
    ? `${header}. ${request}\n\n### Instruction:\n${instruction}\n\n### Response:`
    : `${header}, paired with an input that provides further context. ${request}\n\n` +
        `### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:`;
}

/** The earlier turns: pairs of what the user and the assistant said. */
function historyField(fields: Fields, where: string): readonly string[] {
  const history = fields["history"];
  if (history === undefined || history === null) return [];
  const pairs: readonly unknown[] = Array.isArray(history) ? history : [history];
  return pairs.flatMap((pair, index) => {
    if (Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === "string")) return pair;
    const what = Array.isArray(history) ? `item ${index + 1} of "history"` : '"history"';
    throw new CoxswainError("data", `${where}: ${what} is ${describe(pair)}; expected pairs of two texts`, {
      hint: 'Write the earlier turns as [["what the user said", "what the assistant said"], …].',
    });
  });
}

function refuseBeyondPrompt(where: string, given: Readonly<Record<string, boolean>>): void {
  const key = Object.keys(given).find((each) => given[each]);
  if (key === undefined) return;
  throw new CoxswainError("data", `${where}: "${key}" has no place in Stanford Alpaca's prompt`, {
    hint: `The model has no chat template. Set data.chat_template, or remove "${key}".`,
  });
}

/** @param chat whether there is a chat template: then the user's message is instruction, blank line, input */
export const readAlpaca =
  (chat: boolean): ExampleReader =>
  (fields, where) => {
    const instruction = textField(fields, "instruction", where);
    const input = optionalTextField(fields, "input", where);
    const output = textField(fields, "output", where);
    const system = systemField(fields, where);
    const history = historyField(fields, where);
    if (!chat) {
      const given = {
        system: system !== "",
        history: history.length > 0,
        tools: toolsField(fields, where) !== null,
        chat_template_kwargs: templateKwargsField(fields, where) !== null,
      };
      refuseBeyondPrompt(where, given);
      return { kind: "completion", prompt: stanfordPrompt(instruction, input), completion: output };
    }
    const user = plainMessage({ role: "user", content: input === "" ? instruction : `${instruction}\n\n${input}` });
    const answer = plainMessage({ role: "assistant", content: output });
    return chatExample(withSystem(system, [...alternating(history), user, answer], where), fields, where);
  };
