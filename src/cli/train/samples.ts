/** The last answers to the sample prompts, in a few lines. Pure. */
import { join } from "node:path";
import type { Sample } from "../../telemetry/index.js";
import { visibleLine } from "../../visible-text.js";

/** Prompts that are shown. */
const mostShown = 3;

/** Characters of a text that are shown. */
const mostCharacters = 60;

/** @param folder the output folder, as it is shown */
export function sampleLines(samples: readonly Sample[], folder: string): readonly string[] {
  if (samples.length === 0) return [];
  const shown = samples
    .slice(0, mostShown)
    .map(({ prompt, completion }) => `  ${short(promptText(prompt))} -> ${short(completion)}`);
  const rest = samples.length > mostShown ? `${samples.length - mostShown} more` : "all evaluations";
  // Not necessarily those of the adapter, which may be the best one.
  return [`samples of step ${samples[0]?.step ?? 0}:`, ...shown, `  (${rest} in ${join(folder, "samples.jsonl")})`];
}

/** Of a conversation, the last message. */
function promptText(prompt: Sample["prompt"]): string {
  if (typeof prompt === "string") return prompt;
  const content: unknown = Reflect.get(prompt.at(-1) ?? {}, "content");
  return typeof content === "string" ? content : "";
}

/** One line, in quotes. */
const short = (text: string): string => `"${visibleLine(text.replaceAll(/\s+/g, " ").trim(), mostCharacters)}"`;
