/**
 * Tokens that an earlier start has written: a folder of the cache for each combination of data, tokenizer, template and
 * settings. Whatever can change a token is part of its key, so that a folder never has to be compared with its source.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { createFolder, inCache, removeLeftovers, setAside } from "../storage/index.js";
import { TokenFileWriter, openTokenFiles } from "./token-files.js";
import type { ExampleTokens } from "./token-store.js";

/** Raised when the meaning of the files changes, or when this program would make other tokens of the same data. */
const cacheVersion = 1;

/** Folders that were not used for so long are removed, ms. */
const keptFor = 30 * 24 * 3600 * 1000;

/** Written last: its time is that of the last use. */
const factsFile = "facts.json";

export interface TokenCacheOptions {
  /** Coxswain's cache. */
  readonly cacheDir: string;
  /** Everything that decides the tokens, as JSON. */
  readonly key: unknown;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface CachedTokens<Facts> {
  readonly tokens: ExampleTokens;
  /** What `write` returned. */
  readonly facts: Facts;
  readonly folder: string;
  /** Whether an earlier start has written them. */
  readonly reused: boolean;
}

/**
 * Opens the tokens of a key; writes them first if they are not there or damaged.
 * @param write appends all examples, finishes the writer, and returns facts to keep beside them, as JSON
 * @throws CoxswainError "storage" if the cache cannot be written; what `write` throws, and nothing is left then
 */
export async function openCachedTokens<Facts>(
  { cacheDir, key, now }: TokenCacheOptions,
  write: (writer: TokenFileWriter) => Promise<Facts>,
): Promise<CachedTokens<Facts>> {
  const stores = join(cacheDir, "tokens");
  const name = createHash("sha256")
    .update(JSON.stringify([cacheVersion, key]))
    .digest("hex");
  const folder = join(stores, name);
  const found = await reopened<Facts>(folder);
  if (typeof found === "object") {
    const used = new Date(now());
    // A read-only cache keeps its times.
    await utimes(join(folder, factsFile), used, used).catch(() => undefined);
    return { ...found, folder, reused: true };
  }
  await inCache(cacheDir, stores, async () => {
    await removeLeftovers(stores);
    await removeUnused(stores, now());
    if (found === "damaged") await setAside(folder);
    await createFolder(folder, (aside) => fill(aside, write));
  });
  const written = await reopened<Facts>(folder);
  if (typeof written !== "object") throw new CoxswainError("bug", `${folder} is not there after it was written`);
  return { ...written, folder, reused: false };
}

async function fill<Facts>(folder: string, write: (writer: TokenFileWriter) => Promise<Facts>): Promise<void> {
  const writer = new TokenFileWriter(folder);
  try {
    const facts = await write(writer);
    await writeFile(join(folder, factsFile), JSON.stringify(facts));
  } finally {
    writer.close();
  }
}

async function reopened<Facts>(
  folder: string,
): Promise<Pick<CachedTokens<Facts>, "tokens" | "facts"> | "absent" | "damaged"> {
  try {
    const facts = JSON.parse(await readFile(join(folder, factsFile), "utf8")) as Facts;
    return { tokens: openTokenFiles(folder), facts };
  } catch {
    return existsSync(folder) ? "damaged" : "absent";
  }
}

async function removeUnused(stores: string, now: number): Promise<void> {
  for (const name of await readdir(stores)) {
    if (!/^[0-9a-f]{64}$/.test(name)) continue;
    const used = await stat(join(stores, name, factsFile)).catch(() => undefined);
    if (used !== undefined && now - used.mtimeMs > keptFor)
      await rm(join(stores, name), { recursive: true, force: true });
  }
}
