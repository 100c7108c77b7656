/** Building token stores with the bundled model's tokenizer, and looking into them. */
import { buildTokenStore, IGNORE, openTokenizer, type DataInput, type TokenStore } from "../../../src/data/index.js";
import { dataSettings, fileWith, tinyModel } from "./support.js";

export const tokenizer = await openTokenizer(tinyModel);
export type Settings = Partial<typeof dataSettings>;

/** @param warnings what is warned about is put here */
export const build = (source: DataInput, settings: Settings = {}, warnings: string[] = []): Promise<TokenStore> =>
  buildTokenStore({
    source,
    data: { ...dataSettings, ...settings },
    tokenizer,
    onWarning: (text) => warnings.push(text),
  });

export const buildLines = async (
  lines: readonly unknown[],
  settings: Settings = {},
  warnings: string[] = [],
): Promise<TokenStore> => build(await fileWith(lines), settings, warnings);

export interface PlainRow {
  readonly ids: number[];
  readonly labels: number[];
  readonly segments: readonly number[];
}

export const rowsOf = (store: TokenStore): PlainRow[] =>
  Array.from({ length: store.rowCount }, (_, index) => {
    const { inputIds, labels, segments } = store.row(index);
    return { ids: Array.from(inputIds), labels: Array.from(labels), segments };
  });

export const supervisedText = ({ ids, labels }: PlainRow): Promise<string> =>
  tokenizer.decode(ids.filter((_, index) => labels[index] !== IGNORE));

export const chat = (question: string, answer: string) => ({
  messages: [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ],
});
