/**
 * Stands in for the tokenizer of a model folder without one. Data given as token ids needs only the size of the
 * vocabulary; anything that needs text gets an error that says what is missing.
 */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError, systemCodeOf } from "../errors.js";
import { refuseSpecialFile } from "../regular-file.js";
import { openTokenizer, type OpenTokenizerOptions, type TextTokenizer } from "./tokenizer.js";

/** The folder's tokenizer; without tokenizer.json, one that only knows the model's vocabulary size. */
export async function openTokenizerIfAny(folder: string, options: OpenTokenizerOptions = {}): Promise<TextTokenizer> {
  try {
    return await openTokenizer(folder, options);
  } catch (error) {
    const size = await vocabularySize(folder);
    if (!(await lacksTokenizer(folder)) || size === undefined) throw error;
    return absentTokenizer(folder, size, error);
  }
}

async function lacksTokenizer(folder: string): Promise<boolean> {
  return access(join(folder, "tokenizer.json")).then(
    () => false,
    (error: unknown) => systemCodeOf(error) === "ENOENT",
  );
}

/** config.json's `vocab_size`; opening the model reports other errors in the file. */
async function vocabularySize(folder: string): Promise<number | undefined> {
  try {
    await refuseSpecialFile(join(folder, "config.json"), "model");
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as { vocab_size?: unknown };
    return typeof config.vocab_size === "number" ? config.vocab_size : undefined;
  } catch {
    return undefined;
  }
}

function absentTokenizer(folder: string, size: number, missing: unknown): TextTokenizer {
  const absence = missing instanceof CoxswainError ? missing : new CoxswainError("model", `${folder} has no tokenizer`);
  const fail = (): Promise<never> => Promise.reject(absence);
  return {
    folder,
    adapter: null,
    absence,
    fingerprint: () => `no tokenizer, ${size} ids`,
    vocabSize: size,
    modelVocabSize: size,
    bosId: null,
    eosId: null,
    eosToken: null,
    eosIds: [],
    padId: 0,
    specialTokens: {},
    controlTokens: new Set(),
    controlIds: new Set(),
    chatTemplate: null,
    toolChatTemplate: null,
    templateFolder: folder,
    adapterOwn: { template: false, otherTemplate: false, otherTokenizer: false },
    affixes: { before: 0, after: 0 },
    encode: fail,
    encodeBatch: fail,
    decode: fail,
    tokenToId: () => null,
    idToToken: () => null,
  };
}
