/** Without this, a command that is given a pipe or a device waits or reads for ever, and says nothing. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { loadRun } from "../../src/config/index.js";
import { openTokenizer, openTokenizerIfAny, readRecords } from "../../src/data/index.js";
import { overrideText } from "../../src/data/model-templates.js";
import { openModelFolder, readAdapter, readAdapterOrigin } from "../../src/model/index.js";
import { isOpenedByShell } from "../../src/regular-file.js";
import { expectRejection } from "./data/matchers.js";
import { tinyModel } from "./data/support.js";

function folderWithPipe(name: string): { readonly folder: string; readonly pipe: string } {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-pipe-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const pipe = join(folder, name);
  execFileSync("mkfifo", [pipe]);
  return { folder, pipe };
}

const readAll = async (source: string | readonly string[]): Promise<unknown> => readRecords(source).next();

const aPipe = (name: string): RegExp => new RegExp(`${name.replaceAll(".", "\\.")}:? is a pipe, not a file`);

it("rejects data in a pipe by name, alone, in a list and in a folder", async () => {
  const { folder, pipe } = folderWithPipe("train.jsonl");
  for (const source of [pipe, [pipe], folder]) {
    await expectRejection(readAll(source), "data", aPipe("train.jsonl"), /Save its content to a file/);
  }
});

it("rejects data that are a device", async () => {
  await expectRejection(readAll("/dev/zero"), "data", /\/dev\/zero: is a device, not a file/);
});

it("rejects a chat template in a pipe", async () => {
  const { pipe } = folderWithPipe("chat.jinja");
  await expectRejection(overrideText(pipe), "config", aPipe("chat.jinja"), /Save its content/);
});

it("rejects a run file in a named pipe, and reads one that the shell provides", async () => {
  const { folder, pipe } = folderWithPipe("run.yaml");
  await expectRejection(loadRun(pipe), "config", aPipe("run.yaml"));
  await expectRejection(loadRun("/dev/zero"), "config", /is a device/);
  expect(["/dev/stdin", "/dev/fd/63", "/proc/self/fd/0", folder, "/dev/zero"].map(isOpenedByShell)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

it.each(["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])(
  "rejects a model whose %s is a pipe",
  async (name) => {
    const { folder } = folderWithPipe(name);
    const others = ["config.json", "model.safetensors", "tokenizer.json"].filter((other) => other !== name);
    for (const other of others) copyFileSync(join(tinyModel, other), join(folder, other));
    const opened = openModelFolder(folder).then(() => openTokenizer(folder));
    await expectRejection(opened, "model", aPipe(name));
  },
);

it("distinguishes a tokenizer.json that is a pipe from a missing one", async () => {
  const { folder } = folderWithPipe("tokenizer.json");
  copyFileSync(join(tinyModel, "config.json"), join(folder, "config.json"));
  await expectRejection(openTokenizerIfAny(folder), "model", aPipe("tokenizer.json"));
  const { folder: other } = folderWithPipe("config.json");
  await expectRejection(openTokenizerIfAny(other), "model", /has no tokenizer\.json/);
});

it.each(["adapter_config.json", "adapter_model.safetensors", "coxswain.json"])(
  "rejects an adapter whose %s is a pipe",
  async (name) => {
    const { folder } = folderWithPipe(name);
    const adapter = join(import.meta.dirname, "../golden/llama/expected_adapter");
    const others = ["adapter_config.json", "adapter_model.safetensors"].filter((other) => other !== name);
    for (const other of others) copyFileSync(join(adapter, other), join(folder, other));
    await expectRejection(Promise.all([readAdapterOrigin(folder), readAdapter(folder)]), "model", aPipe(name));
  },
);

it("reads a file through a link", async () => {
  expect(await overrideText(join("/proc/self/cwd", "package.json"))).toBe(readFileSync("package.json", "utf8"));
});
