/** What decides the tokens of a data set: equal keys have equal tokens. */
import { fileHash } from "../storage/index.js";
import { version } from "../version.js";
import type { ChatTemplates } from "./model-templates.js";
import { filesOf, selectionOf } from "./sources/index.js";
import type { TokenStoreOptions } from "./token-store-options.js";

type Asked = Pick<TokenStoreOptions, "source" | "data" | "tokenizer" | "datasets" | "onExample">;

/**
 * @returns undefined for data whose tokens are not kept: those of templates that write the date, and
 *   evaluation data that are compared with the training data
 */
export async function tokensKey(
  { source, data, tokenizer, datasets, onExample }: Asked,
  templates: ChatTemplates | null,
  cacheDir: string,
): Promise<object | undefined> {
  const { sources, seed, side, key } = selectionOf(source);
  const texts = templates === null ? [] : [templates.plain.source, templates.tools.source];
  if (texts.some((text) => text.includes("strftime_now"))) return undefined;
  if (onExample !== undefined && key === "data.eval") return undefined;
  // What of a folder is not read is said by whoever reads it.
  const files = await Promise.all(sources.map((one) => filesOf(one, { datasets })));
  const hashes: string[][] = [];
  for (const paths of files) {
    const pairs: string[] = [];
    // Messages name files by their paths.
    for (const path of paths) pairs.push(path, await fileHash(path, { cacheDir, code: "data" }));
    hashes.push(pairs);
  }
  return {
    version,
    sources: sources.map(({ name, columns, weight, limit }, place) => [name, columns, weight, limit, hashes[place]]),
    seed,
    heldOut: side === undefined ? null : [side.split.heldOut, side.evaluation, "of the good examples"],
    settings: [
      data.format,
      data.turns,
      data.max_length,
      data.packing,
      data.assistant_only_loss,
      data.completion_only_loss,
      data.chat_template_kwargs,
      data.on_bad_example,
    ],
    templates: texts,
    tokenizer: tokenizer.fingerprint(),
    contents: onExample !== undefined,
  };
}
