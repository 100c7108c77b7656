/** The stock chat templates that lie beside the repository: third-party data, which is read there and not copied. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { ChatTemplate, openTokenizer, type ChatMessage, type SpecialTokens } from "../../../src/data/index.js";
import { inRepository, readJson, tinyModel } from "./support.js";

export interface StockConversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
}

export interface StockTurn {
  readonly turn: number;
  readonly text: string;
  readonly prompt_chars: number | null;
  readonly prompt: string | null;
  readonly prefix_of_whole: boolean;
}

/** What transformers renders, or its error. */
export type StockRendering =
  { readonly text: string; readonly turns: readonly StockTurn[] } | { readonly error: string };

const folder = inRepository("../shared/golden/templates");

export const stockTemplatesAreThere = existsSync(folder);

/** A title that says why a test is skipped. */
export const withStockTemplates = (title: string): string =>
  stockTemplatesAreThere ? title : `${title} (skipped: no ${folder})`;

const read = (name: string): unknown => (stockTemplatesAreThere ? readJson(`${folder}/${name}`) : {});

export const stockConversations = read("conversations.json") as Readonly<Record<string, StockConversation>>;

/** By template and conversation. */
export const stockRenderings = read("expected.json") as Readonly<Record<string, Record<string, StockRendering>>>;

const sources = new Map(
  (stockTemplatesAreThere ? readdirSync(folder) : [])
    .filter((name) => name.endsWith(".jinja"))
    .map((name) => [name.slice(0, -".jinja".length), readFileSync(`${folder}/${name}`, "utf8")]),
);

export const stockTemplateNames: readonly string[] = [...sources.keys()];

const { specialTokens: own, controlTokens } = await openTokenizer(tinyModel);

/** expected.json was made with these, and on this day, which a template writes. */
const specialTokens = { ...own, bos_token: "<|im_start|>", eos_token: "<|im_end|>" };
const now = (): Date => new Date(2026, 10, 30, 12);

export const stockTemplate = (name: string, special: SpecialTokens = specialTokens): ChatTemplate =>
  new ChatTemplate(sources.get(name)!, { specialTokens: special, controlTokens, origin: name, now });
