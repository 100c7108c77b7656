/** Models, tokenizers, templates and data whose author wants a machine to hang, to run out of memory or to crash. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  openSync,
  closeSync,
  ftruncateSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartModel, smallRun } from "../support/runs.js";

/** Of a command on a machine that does other things, s: without a limit these take minutes, or forever. */
const mostSeconds = 90;

type Json = Record<string, unknown>;

/** A copy of a model whose files were changed. */
function modelWith(change: (folder: string) => void): string {
  const folder = join(temporaryFolder(), "model");
  cpSync(quickstartModel, folder, { recursive: true });
  change(folder);
  return folder;
}

const changeJson = (name: string, change: (value: Json) => Json) => (folder: string) => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, "utf8")) as Json)));
};

function dataWith(lines: readonly object[]): string {
  const path = join(temporaryFolder(), "train.jsonl");
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return path;
}

const chat = {
  messages: [
    { role: "user", content: "Hi" },
    { role: "assistant", content: "Hello" },
  ],
};

/** Runs a command, which is to refuse. @returns its words */
async function refusal(
  command: string,
  { model = quickstartModel, train = dataWith([{ text: "a" }]), more = {} },
): Promise<string> {
  const file = writeRun(temporaryFolder(), smallRun({ model, data: { train, ...more } }));
  const start = performance.now();
  const { code, stderr } = await coxswain([command, file]);
  expect((performance.now() - start) / 1000).toBeLessThan(mostSeconds);
  expect([2, 3, 4], stderr).toContain(code);
  expect(stderr).toMatch(/^error: /m);
  expect(stderr).not.toMatch(/panicked|FATAL|bug/);
  return stderr;
}

const split = (pattern: string) =>
  changeJson("tokenizer.json", (tokenizer) => ({
    ...tokenizer,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      ],
    },
  }));

describe("a tokenizer", () => {
  it.each(["^(a+)+$", "(a|a)*$"])(
    "with the pattern %s is refused with its file, the text and the pattern",
    async (pattern) => {
      const model = modelWith(split(pattern));
      const said = await refusal("preview", {
        model,
        train: dataWith([{ text: "hello" }, { text: `${"a".repeat(5_000)}b` }]),
      });
      expect(said).toContain(`${model}/tokenizer.json: a text that begins with "aaaa`);
      expect(said).toContain(JSON.stringify(pattern));
    },
  );

  it("with a pattern that is unusual and harmless gives the same tokens, by a rehearsal", async () => {
    const train = dataWith([{ text: "some words, and 12345" }]);
    const shown = async (model: string): Promise<string> => {
      const { stdout } = await coxswain(["preview", writeRun(temporaryFolder(), smallRun({ model, data: { train } }))]);
      return stdout;
    };
    // The same as the pattern without the group.
    expect(await shown(modelWith(split("(?:(x))+y")))).toBe(await shown(modelWith(split("xy"))));
  });

  it("with a normaliser that multiplies is refused with the limit", async () => {
    const grow = { type: "Replace", pattern: { String: "a" }, content: "a".repeat(1000) };
    const model = modelWith(
      changeJson("tokenizer.json", (tokenizer) => ({
        ...tokenizer,
        normalizer: { type: "Sequence", normalizers: [grow, grow, grow, grow] },
      })),
    );
    expect(await refusal("preview", { model })).toMatch(
      /tokenizer\.json: .* takes more than .*, because of texts that grow/,
    );
  });

  it.each(["tokenizer.json", "config.json", "tokenizer_config.json"])(
    "whose %s is sparse and huge is refused with its size",
    async (name) => {
      const model = modelWith((folder) => {
        const file = openSync(join(folder, name), "r+");
        ftruncateSync(file, 40 * 2 ** 30);
        closeSync(file);
      });
      expect(await refusal("preview", { model })).toContain(`${name}: has ${40 * 2 ** 30} bytes`);
    },
  );
});

describe("a chat template", () => {
  it.each([
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{% set l = range(100000)|list %}{% for a in range(100000) %}{% if -1 in l %}{% endif %}{% endfor %}",
    "{% set l = 'x' * 9000000 %}{% for a in range(100000) %}{% set z = l[::-1] %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "{{ 'x' * 1000000000 }}",
  ])("that does not end is refused with file and line, also where bad examples are skipped: %s", async (template) => {
    const model = modelWith((folder) => writeFileSync(join(folder, "chat_template.jinja"), template));
    const train = dataWith([chat, chat]);
    const said = await refusal("preview", { model, train, more: { on_bad_example: "skip" } });
    expect(said).toContain(`${train}:1: the chat template of ${model} does not end: `);
  });

  it("with a range of a billion is refused as by Python's sandbox", async () => {
    const template = "{% for a in range(1000000000) %}{% endfor %}";
    const model = modelWith((folder) => writeFileSync(join(folder, "chat_template.jinja"), template));
    expect(await refusal("preview", { model, train: dataWith([chat]) })).toContain("MAX_RANGE (100000)");
  });
});

describe("a configuration", () => {
  it.each([
    ["num_hidden_layers", 1e9],
    ["hidden_size", 1e9],
    ["intermediate_size", 1e15],
    ["vocab_size", 1e15],
    ["num_attention_heads", 1e9],
  ])("with %s of %d is checked against the weights", async (key, value) => {
    const model = modelWith(changeJson("config.json", (config) => ({ ...config, [key]: value })));
    expect(await refusal("train", { model })).toContain(model);
  });

  it.runIf(process.platform !== "win32").each(["pipe", "link to /dev/zero"])(
    "that is a %s is refused",
    async (kind) => {
      const model = modelWith((folder) => {
        const path = join(folder, "config.json");
        rmSync(path);
        if (kind === "pipe") execFileSync("mkfifo", [path]);
        else symlinkSync("/dev/zero", path);
      });
      expect(await refusal("train", { model })).toMatch(/config\.json: is a (pipe|device), not a file/);
    },
  );
});

describe("data", () => {
  it("with one line of 100 MB is refused with its number and the limit, or skipped", async () => {
    const train = dataWith([{ text: "a" }]);
    appendFileSync(train, `{"text": "${"x".repeat(100_000_000)}"}\n{"text": "b"}\n`);
    expect(await refusal("preview", { train })).toContain(`${train}:2: has more than 8388608 bytes`);
    const run = smallRun({ model: quickstartModel, data: { train, on_bad_example: "skip" } });
    const { code, stdout, stderr } = await coxswain(["preview", writeRun(temporaryFolder(), run)]);
    expect(`${stdout}${stderr}`).toContain(":2: has more than 8388608 bytes");
    expect(code).toBe(0);
  });

  it("with an item of 100 MB in a list is refused with its number", async () => {
    const train = join(temporaryFolder(), "train.json");
    writeFileSync(train, `[{"text": "a"}, {"text": "${"x".repeat(100_000_000)}"}]`);
    expect(await refusal("preview", { train })).toContain(`${train}: item 2: has more than 8388608 bytes`);
  });

  it.each(["[", '{"a":'])("with 60,000 nested %s is refused with its line", async (open) => {
    const train = dataWith([{ text: "a" }]);
    const close = open === "[" ? "]" : "}";
    appendFileSync(train, `{"text": ${open.repeat(60_000)}1${close.repeat(60_000)}}\n`);
    expect(await refusal("preview", { train })).toContain(
      `${train}:2: lists and objects are nested more than 500 deep`,
    );
  });

  it.each(["<", "<|im_start|>", "<think>", "<tool_call>", "{{", "\ud83d\ude00", " "])(
    "with 60,000 times %j in a conversation is read",
    async (tag) => {
      const content = tag.repeat(60_000);
      const train = dataWith([
        {
          messages: [
            { role: "user", content: "Hi" },
            { role: "assistant", content },
          ],
        },
      ]);
      const { code, stderr } = await coxswain([
        "preview",
        writeRun(temporaryFolder(), smallRun({ model: quickstartModel, data: { train } })),
      ]);
      expect([0, 3], stderr).toContain(code);
    },
  );
});
