/** Format `prompt_completion`: `{"prompt", "completion"}`, both strings or both lists of messages (as in TRL). */
import type { CoxswainError } from "../../errors.js";
import { chatExample, systemField, withSystem } from "./chat.js";
import type { ExampleReader } from "./example.js";
import { textField, unexpected } from "./fields.js";
import { messagesField } from "./messages.js";

export const readPromptCompletion: ExampleReader = (fields, where) => {
  const { prompt, completion } = fields;
  if (Array.isArray(prompt)) {
    if (!Array.isArray(completion)) {
      throw unexpected(where, '"completion"', completion, 'a list of messages, like "prompt"');
    }
    const context = withSystem(systemField(fields, where), messagesField(fields, "prompt", where), where);
    const answer = messagesField(fields, "completion", where);
    return chatExample([...context, ...answer], fields, where, context.length);
  }
  if (Array.isArray(completion)) throw listOfCompletions(completion, where);
  const text = textField(fields, "prompt", where);
  return { kind: "completion", prompt: text, completion: textField(fields, "completion", where) };
};

function listOfCompletions(completion: readonly unknown[], where: string): CoxswainError {
  const areTexts = completion.every((each) => typeof each === "string");
  return unexpected(
    where,
    '"completion"',
    completion,
    'a string, like "prompt"',
    areTexts
      ? 'Several completions of one prompt are several examples: write a line for each, {"prompt": "...", "completion": "..."}.'
      : 'Prompt and completion are both strings, or both lists of messages: {"prompt": [{"role": "user", "content": "..."}], ' +
          '"completion": [{"role": "assistant", "content": "..."}]}.',
  );
}
