/** Without this, a user can't see that the wrong words are learnt until the run is over. */
import path from "node:path";
import { Writable } from "node:stream";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { registerPreview } from "../../../src/cli/preview/command.js";
import { preview, styleFor, type PreviewFlags } from "../../../src/cli/preview/preview.js";
import { openTokenizer, previewRow, renderPreview, type PreviewStyle, type Row } from "../../../src/data/index.js";
import { expectRejection } from "./matchers.js";
import { folderWith, tinyModel } from "./support.js";

const tokenizer = await openTokenizer(tinyModel);
const marks: PreviewStyle = {
  supervised: (text) => `<${text}>`,
  context: (text) => text,
  heading: (text) => `# ${text}`,
  legend: "<> is learnt",
};

async function rowOf(...examples: readonly (readonly [text: string, supervised: boolean])[][]): Promise<Row> {
  const ids: number[] = [];
  const labels: number[] = [];
  const segments: number[] = [];
  for (const example of examples) {
    const before = ids.length;
    for (const [text, supervised] of example) {
      const part = Array.from((await tokenizer.encode(text)).ids);
      ids.push(...part);
      labels.push(...(supervised ? part : part.map(() => -100)));
    }
    segments.push(ids.length - before);
  }
  return { inputIds: Int32Array.from(ids), labels: Int32Array.from(labels), segments };
}

const statistics = {
  examples: 1200,
  rows: 3,
  tokens: 4000,
  supervisedTokens: 1000,
  truncated: 2,
  dropped: { nothing_supervised_after_cut: 1 },
};

describe("a preview", () => {
  it("marks supervised text line by line, separates packed examples, and shows counts", async () => {
    const row = await rowOf(
      [
        ["a b", false],
        [" 🌈\n\nd", true],
        [" e\n", false],
      ],
      [
        ["x", true],
        ["y", true],
      ],
    );
    const text = renderPreview([await previewRow(row, 6, tokenizer)], statistics, marks);
    const learnt = row.labels.filter((label) => label !== -100).length - 1; // The first of the second example is not.
    expect(text).toBe(
      [
        "<> is learnt",
        "",
        `# row 7: ${row.inputIds.length} tokens, ${learnt} supervised, 2 packed examples`,
        "#   example 1",
        "a b< 🌈>",
        "",
        "<d> e",
        "#   example 2",
        "<xy>",
        "",
        "1,200 examples in 3 rows; 4,000 tokens, 1,000 supervised (25.0 %); 2 truncated; 1 dropped",
        "",
      ].join("\n"),
    );
  });

  it("says how many examples came of how many conversations, and the tokens that this costs", async () => {
    const split = { conversations: 300, examples: 950, extraTokens: 1234 };
    const text = renderPreview(
      [await previewRow(await rowOf([["a", true]]), 0, tokenizer)],
      { ...statistics, split },
      marks,
    );
    expect(text).toMatch(
      /1 dropped\n300 conversations became 950 examples, with 1,234 extra tokens: the chat template rew/,
    );
  });

  it("uses colours on a terminal, and brackets elsewhere and with NO_COLOR", () => {
    const green = styleFor({ isTTY: true }, {});
    expect(green.supervised("x")).toBe("\u001b[32mx\u001b[39m");
    expect(green.context("x")).not.toContain("[32m");
    for (const plain of [styleFor({ isTTY: false }, {}), styleFor({ isTTY: true }, { NO_COLOR: "1" })]) {
      expect(plain.supervised("x")).toBe("[[x]]");
      expect(plain.legend).toBe("[[text]] is trained on; the rest is context");
    }
  });
});

class Sink extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const chat = (question: string, answer: string): string =>
  JSON.stringify({
    messages: [
      { role: "user", content: question },
      { role: "assistant", content: answer },
    ],
  });

async function runFolder(extra = ""): Promise<string> {
  const folder = await folderWith({
    "run.yaml": `model: ${tinyModel}\noutput_dir: out\ndata:\n  train: train.jsonl\n${extra}`,
    "train.jsonl": [chat("One", "1"), chat("Two", "2"), chat("Three", "3"), chat("Four", "4")].join("\n"),
    "eval.jsonl": chat("Five", "5"),
  });
  return path.join(folder, "run.yaml");
}

async function shown(file: string, flags: Partial<PreviewFlags> = {}): Promise<string> {
  const sink = new Sink();
  await preview(file, { set: [], split: "train", ...flags }, sink);
  return sink.text;
}

describe("coxswain preview", () => {
  it("shows three rows with the answer marked, or the requested number", async () => {
    const file = await runFolder();
    const text = await shown(file);
    expect(text).toContain("<|im_start|>user\nTwo<|im_end|>\n<|im_start|>assistant\n[[2<|im_end|>]]\n");
    expect(text).toContain("[[3<|im_end|>]]");
    expect(text).not.toContain("[[4<|im_end|>]]");
    expect(text).toContain("4 examples in 4 rows;");
    expect(await shown(file, { rows: 9 })).toContain("[[4<|im_end|>]]");
  });

  it("previews data.eval and applies --set", async () => {
    const file = await runFolder("  eval: eval.jsonl\n");
    expect(await shown(file, { split: "eval" })).toContain("[[5<|im_end|>]]");
    const all = await shown(file, { set: ["data.assistant_only_loss=false"], rows: 1 });
    expect(all).toContain("[[<|im_start|>user]]\n[[One<|im_end|>]]");
    const none = await runFolder();
    await expectRejection(shown(none, { split: "eval" }), "config", /has no data\.eval to preview/, /data\.train/);
  });

  it("prints every row as the format `tokens`, which reads back as the same rows", async () => {
    const file = await runFolder();
    const printed = await shown(file, { json: true });
    const rows = printed
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { input_ids: number[]; labels: number[] });
    expect(rows).toHaveLength(4);
    // <|im_start|> is 1, <|im_end|> is 2 (README of the model); the answer and its end are supervised, the "\n" is not.
    const [newLine, four] = [tokenizer.tokenToId("Ċ")!, tokenizer.tokenToId("4")!];
    expect(rows[3]!.input_ids.slice(-3)).toEqual([four, 2, newLine]);
    expect(rows[3]!.labels).toEqual(
      rows[3]!.input_ids.map((id, at, ids) => ([ids.length - 3, ids.length - 2].includes(at) ? id : -100)),
    );
    const again = await folderWith({
      "run.yaml": `model: ${tinyModel}\noutput_dir: out\ndata: { train: tokens.jsonl }\n`,
      "tokens.jsonl": printed,
    });
    expect(await shown(path.join(again, "run.yaml"), { json: true })).toBe(printed);
    expect((await shown(file, { json: true, rows: 1 })).trimEnd().split("\n")).toHaveLength(1);
  });

  it("takes its options from the command line", async () => {
    const program = new Command("coxswain").exitOverride().configureOutput({ writeErr: () => undefined });
    registerPreview(program);
    const names = program.commands[0]?.options.map((option) => option.long);
    expect(names).toEqual(["--split", "--rows", "--json", "--set"]);
    const parse = (...line: string[]): Promise<unknown> =>
      program.parseAsync(["preview", "run.yaml", ...line], { from: "user" });
    await expect(parse("-n", "0")).rejects.toThrow(/whole number above 0/);
    await expect(parse("--split", "test")).rejects.toThrow(/Allowed choices are train, eval/);
  });
});
