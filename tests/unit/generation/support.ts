/** What the generation tests share. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { ComputeSettings, OpenedEngine } from "../../../src/compute/index.js";
import { onnxEngine } from "../../../src/compute/onnx/engine.js";
import { openChatTemplates, openTokenizer, type ChatTemplates, type TextTokenizer } from "../../../src/data/index.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A path within the repository. */
export const inRepository = (...parts: string[]): string => join(root, ...parts);

export const tinyModel = inRepository("examples/quickstart/model");
export const evalFile = inRepository("examples/quickstart/data/eval.jsonl");

const made: string[] = [];
afterAll(async () => {
  await Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true })));
});

/** A new folder, removed when the test file is done. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "coxswain-generation-"));
  made.push(folder);
  return folder;
}

/** A new file; anything but a text is written as JSON, a list a line each. */
export async function temporaryFile(name: string, content: string | readonly unknown[]): Promise<string> {
  const file = join(await temporaryFolder(), name);
  const text = typeof content === "string" ? content : content.map((line) => `${JSON.stringify(line)}\n`).join("");
  await writeFile(file, text);
  return file;
}

/** The bundled model's tokenizer with its own template, or another. */
export async function tinyText(
  template: string | null = null,
): Promise<{ tokenizer: TextTokenizer; templates: ChatTemplates }> {
  const tokenizer = await openTokenizer(tinyModel);
  const templates = await openChatTemplates(tokenizer, { override: template });
  if (templates === null) throw new TypeError("the bundled model has a chat template");
  return { tokenizer, templates };
}

/** The real engine in the tests' own thread: a thread of its own is started from compiled files. */
export function engineInThisThread({ quantization }: Pick<ComputeSettings, "quantization">): Promise<OpenedEngine> {
  const options = {
    device: "cpu",
    dtype: "float32",
    threads: 2,
    gradientCheckpointing: false,
    quantization,
  } as const;
  return Promise.resolve({ engine: onnxEngine(), device: "cpu", reason: "asked for", options });
}
