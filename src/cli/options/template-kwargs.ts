/** Reads `--chat-template-kwargs`, with numbers and keys as Python reads them. */
import { parseJson } from "../../jinja/index.js";

/** @param text JSON text of an object, which the option's parser has checked */
export const templateKwargs = (text: string | undefined): Readonly<Record<string, unknown>> | undefined =>
  text === undefined ? undefined : (parseJson(text) as Readonly<Record<string, unknown>>);
