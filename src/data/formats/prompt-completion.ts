/** Format `prompt_completion`: `{"prompt", "completion"}`, both strings or both lists of messages (as in TRL). */
import type { ExampleReader } from "./example.js";
import { textField, unexpected } from "./fields.js";
import { messagesField, toolsField } from "./messages.js";
import { templateKwargsField } from "./template-kwargs.js";

export const readPromptCompletion: ExampleReader = (fields, where) => {
  const { prompt, completion } = fields;
  if (Array.isArray(prompt)) {
    if (!Array.isArray(completion)) {
      throw unexpected(where, '"completion"', completion, 'a list of messages, like "prompt"');
    }
    const context = messagesField(fields, "prompt", where);
    const answer = messagesField(fields, "completion", where);
    return {
      kind: "chat",
      messages: [...context, ...answer],
      tools: toolsField(fields, where),
      promptMessages: context.length,
      context: new Set(),
      templateKwargs: templateKwargsField(fields, where),
    };
  }
  const text = textField(fields, "prompt", where);
  return { kind: "completion", prompt: text, completion: textField(fields, "completion", where) };
};
