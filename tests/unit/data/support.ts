/** What the data tests share: folders of the repository, data settings, temporary files. */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { TokenStoreOptions } from "../../../src/data/index.js";
import type { TokenOffsets } from "../../../src/data/tokenizer/token-offsets.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A path within the repository. */
export const inRepository = (...parts: string[]): string => path.join(root, ...parts);

export const tinyModel = inRepository("examples/quickstart/model");

export const readJson = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));

/** Where SmolLM2's tokenizer is, if it is on this machine. */
export const smolFolder = [
  path.join(os.homedir(), ".cache/coxswain/models/smollm2-135m-instruct"),
  inRepository("../shared/models/smollm2-135m-instruct"),
].find((folder) => existsSync(path.join(folder, "tokenizer.json")));

export const smolSkip =
  smolFolder === undefined
    ? " (skipped: no SmolLM2 tokenizer; get it with " +
      "`hf download HuggingFaceTB/SmolLM2-135M-Instruct " +
      "--local-dir ~/.cache/coxswain/models/smollm2-135m-instruct`)"
    : "";

/** Start and end of each token, [tokens * 2]. */
export const flatOffsets = (offsets: TokenOffsets): number[] =>
  Array.from({ length: offsets.count }, (_, token) => [offsets.start(token), offsets.end(token)]).flat();

/** The run file's defaults, written out. */
export const dataSettings: TokenStoreOptions["data"] = {
  format: "auto",
  max_length: 1024,
  packing: false,
  assistant_only_loss: true,
  completion_only_loss: true,
  chat_template: null,
  chat_template_kwargs: {},
  turns: "all",
};

const made: string[] = [];
afterAll(async () => {
  await Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true })));
});

/** A new folder with these files; it is removed when the test file is done. */
export async function folderWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "coxswain-data-"));
  made.push(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), content);
  }
  return folder;
}

/** A file of these lines; objects are written as JSON. */
export async function fileWith(lines: readonly unknown[], name = "train.jsonl"): Promise<string> {
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  return path.join(await folderWith({ [name]: `${text}\n` }), name);
}
