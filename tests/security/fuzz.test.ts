/**
 * Readers of untrusted files, given files that are nearly right. COXSWAIN_FUZZ_CASES=100000 tries longer;
 * COXSWAIN_FUZZ_SEED repeats a failure.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeChunk, encodeChunk, readChunkHead } from "../../src/collective/index.js";
import { describeModel } from "../../src/compute/index.js";
import { loadRun } from "../../src/config/index.js";
import { ChatTemplate } from "../../src/data/chat-template.js";
import { openTokenizer } from "../../src/data/index.js";
import { CoxswainError } from "../../src/errors.js";
import { openModelFolder } from "../../src/model/index.js";
import { readSafetensorsHeader } from "../../src/model/safetensors.js";
import { projectFolder, temporaryFolder } from "../support/processes.js";
import { goldenFolder, quickstartModel } from "../support/runs.js";
import { cases, mutated, randomOf, seed } from "../support/security/mutations.js";

/** Far more than any of these files takes on a loaded machine, s. */
const mostSeconds = 30;

/** Reads changed copies of a valid file; each is read, or refused with an error for the user. */
async function fuzz(original: Buffer, read: (bytes: Buffer) => unknown, share = 1): Promise<void> {
  await read(original);
  let refused = 0;
  for (let index = 0; index < Math.ceil(cases * share); index++) {
    const start = performance.now();
    const bytes = mutated(original, randomOf(seed + index));
    try {
      await read(bytes);
    } catch (error) {
      refused++;
      if (!(error instanceof CoxswainError) || error.code === "bug")
        throw new Error(`case ${index} of seed ${seed}: not an error for the user`, { cause: error });
    }
    expect((performance.now() - start) / 1000, `seconds of case ${index} of seed ${seed}`).toBeLessThan(mostSeconds);
  }
  // Most changes are noticed, so that the cases are worth something.
  expect(refused).toBeGreaterThan(0);
}

describe(`of nearly right files (seed ${seed}, ${cases} cases each), none ends in anything but a result or a refusal`, () => {
  it("the header of a safetensors file", async () => {
    const path = join(temporaryFolder(), "model.safetensors");
    const header = JSON.stringify({
      __metadata__: { format: "pt" },
      a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
      b: { dtype: "BF16", shape: [4], data_offsets: [24, 32] },
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    await fuzz(Buffer.concat([length, Buffer.from(header), Buffer.alloc(32)]), (bytes) => {
      writeFileSync(path, bytes);
      return readSafetensorsHeader(path);
    });
  });

  it("a model's config.json", async () => {
    const folder = join(temporaryFolder(), "model");
    cpSync(join(goldenFolder, "llama", "model"), folder, { recursive: true });
    await fuzz(readFileSync(join(folder, "config.json")), async (bytes) => {
      writeFileSync(join(folder, "config.json"), bytes);
      describeModel(await openModelFolder(folder));
    });
  });

  it.each(["tokenizer.json", "tokenizer_config.json"])("a tokenizer's %s", async (name) => {
    const folder = join(temporaryFolder(), "model");
    cpSync(quickstartModel, folder, { recursive: true });
    const original = readFileSync(join(folder, name));
    // The vocabulary is most of the file, and the least interesting part.
    const text = original.toString();
    const short = name === "tokenizer.json" ? Buffer.from(shortened(text)) : original;
    await fuzz(
      short,
      async (bytes) => {
        writeFileSync(join(folder, name), bytes);
        const tokenizer = await openTokenizer(folder);
        const { ids } = await tokenizer.encode("Hello, wörld! 123 <|im_end|>\n\n  x");
        await tokenizer.decode(ids);
      },
      0.5,
    );
  });

  it("a chat template, at compiling and at rendering", async () => {
    const template = readFileSync(join(projectFolder, "tests", "support", "security", "template.jinja"));
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      { role: "assistant", content: "Hello", tool_calls: [{ function: { name: "f", arguments: { a: 1 } } }] },
    ];
    await fuzz(template, (bytes) => {
      const options = { specialTokens: { bos_token: "<s>" }, controlTokens: new Set<string>(), origin: "fuzz" };
      const compiled = new ChatTemplate(bytes.toString(), options);
      compiled.render({ messages, tools: null }, { addGenerationPrompt: true, where: "case" });
      compiled.trainingTexts({ messages, tools: null }, { where: "case" });
    });
  });

  it("a run file", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "run.yaml");
    const example = readFileSync(join(projectFolder, "examples", "quickstart", "run.yaml"));
    await fuzz(example, (bytes) => {
      writeFileSync(path, bytes);
      return loadRun(path, [], {});
    });
  });

  it("a chunk of a vector", async () => {
    const payload = Buffer.from("sixteen bytes...");
    const chunk = encodeChunk({ offset: 0, total: 16, crc32: 0, payload, pull: 3 });
    const refusal = encodeChunk({ offset: 0, total: 0, crc32: 0, payload: Buffer.alloc(0), pull: 3, refusal: "no" });
    for (const message of [chunk, refusal])
      await fuzz(
        message,
        (bytes) => {
          readChunkHead(bytes, bytes.length);
          return decodeChunk(bytes);
        },
        20,
      );
  });
});

/** The same tokenizer with the first 300 entries of its vocabulary. */
function shortened(text: string): string {
  const tokenizer = JSON.parse(text) as { model: { vocab: Record<string, number>; merges: unknown[] } };
  const { vocab } = tokenizer.model;
  tokenizer.model.vocab = Object.fromEntries(Object.entries(vocab).slice(0, 300));
  tokenizer.model.merges = [];
  return JSON.stringify(tokenizer);
}
