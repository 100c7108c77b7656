/** Format `sharegpt`: `{"conversations": [{"from", "value"}, …], "system"?, "tools"?}`, a conversation. */
import { CoxswainError } from "../../errors.js";
import type { ChatMessage } from "../conversation.js";
import type { ExampleReader } from "./example.js";
import { listField, objectOf, optionalTextField, textField } from "./fields.js";
import { nearestRole } from "../roles.js";
import { toolsField } from "./messages.js";
import { templateKwargsField } from "./template-kwargs.js";

/** Names used in such datasets, with the role that chat templates know. */
const roles: ReadonlyMap<string, string> = new Map([
  ["system", "system"],
  ["human", "user"],
  ["user", "user"],
  ["gpt", "assistant"],
  ["chatgpt", "assistant"],
  ["bing", "assistant"],
  ["bard", "assistant"],
  ["model", "assistant"],
  ["assistant", "assistant"],
  ["tool", "tool"],
  ["function", "tool"],
  ["observation", "tool"],
]);

export const readSharegpt: ExampleReader = (fields, where) => {
  const list = listField(fields, "conversations", where, 'a list of {"from", "value"} objects');
  const turns = list.map((item, index): ChatMessage => {
    const turn = objectOf(item, where, `turn ${index + 1} of "conversations"`);
    const from = textField(turn, "from", where);
    const role = roles.get(from);
    if (role === undefined) {
      const known = [...roles.keys()].join(", ");
      const meant = nearestRole(from, roles.keys());
      const question = meant === undefined ? "" : ` (did you mean ${JSON.stringify(meant)}?)`;
      throw new CoxswainError("data", `${where}: turn ${index + 1} is from ${JSON.stringify(from)}${question}`, {
        hint: `"from" must be one of ${known}.`,
      });
    }
    return { role, content: textField(turn, "value", where) };
  });
  const system = optionalTextField(fields, "system", where);
  const messages = system === "" ? turns : [{ role: "system", content: system }, ...turns];
  const templateKwargs = templateKwargsField(fields, where);
  return {
    kind: "chat",
    messages,
    tools: toolsField(fields, where),
    promptMessages: 0,
    context: new Set(),
    templateKwargs,
  };
};
