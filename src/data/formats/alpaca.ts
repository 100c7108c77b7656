/**
 * Format `alpaca`: `{"instruction", "input"?, "output"}`. A conversation if the model has a chat template, otherwise
 * the prompt text that Stanford Alpaca was trained with (tatsu-lab/stanford_alpaca, train.py): the completion follows
 * the colon directly.
 */
import type { ExampleReader } from "./example.js";
import { optionalTextField, textField } from "./fields.js";
import { templateKwargsField } from "./template-kwargs.js";

const header = "Below is an instruction that describes a task";
const request = "Write a response that appropriately completes the request.";

function stanfordPrompt(instruction: string, input: string): string {
  return input === ""
    ? `${header}. ${request}\n\n### Instruction:\n${instruction}\n\n### Response:`
    : `${header}, paired with an input that provides further context. ${request}\n\n` +
        `### Instruction:\n${instruction}\n\n### Input:\n${input}\n\n### Response:`;
}

/** @param chat whether there is a chat template: then the user's message is instruction, blank line, input */
export const readAlpaca =
  (chat: boolean): ExampleReader =>
  (fields, where) => {
    const instruction = textField(fields, "instruction", where);
    const input = optionalTextField(fields, "input", where);
    const output = textField(fields, "output", where);
    if (!chat) return { kind: "completion", prompt: stanfordPrompt(instruction, input), completion: output };
    const user = { role: "user", content: input === "" ? instruction : `${instruction}\n\n${input}` };
    return {
      kind: "chat",
      messages: [user, { role: "assistant", content: output }],
      tools: null,
      promptMessages: 0,
      context: new Set(),
      templateKwargs: templateKwargsField(fields, where),
    };
  };
