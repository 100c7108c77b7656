/**
 * Names that `chat_template_kwargs` may not have: what a chat template is given anyway, and parameters of transformers'
 * `apply_chat_template`, which take the place of a template's variable of the same name.
 */

const given: Readonly<Record<string, string>> = {
  messages: "It is the conversation.",
  conversation: "It is the conversation.",
  tools: 'Tools belong beside the messages, under "tools".',
  add_generation_prompt: "It is set where a generation prompt is needed.",
};

const specialTokens: ReadonlySet<string> = new Set(
  "bos_token eos_token unk_token sep_token pad_token cls_token mask_token additional_special_tokens".split(" "),
);

const parameters: ReadonlySet<string> = new Set(
  (
    "chat_template continue_final_message tokenize padding truncation max_length return_tensors return_dict " +
    "return_assistant_tokens_mask tokenizer_kwargs self"
  ).split(" "),
);

/** Why a name is refused, as a hint; undefined if it may be used. */
export function reservedNameProblem(name: string): string | undefined {
  const own = Object.hasOwn(given, name) ? given[name] : undefined;
  if (own !== undefined) return own;
  if (specialTokens.has(name)) return "Special tokens come from the tokenizer's files.";
  if (parameters.has(name)) return "It is a parameter of apply_chat_template, not a variable of the template.";
  return undefined;
}
