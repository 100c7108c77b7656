/** Format `text`: `{"text"}`, all of it supervised. */
import type { ExampleReader } from "./example.js";
import { textField } from "./fields.js";

export const readText: ExampleReader = (fields, where) => ({ kind: "text", text: textField(fields, "text", where) });
