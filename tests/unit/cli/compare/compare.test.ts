/** Without this, it takes a diff of YAML files and a script to see why one run is better than another. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { afterAll, describe, expect, it, vi } from "vitest";
import { compare } from "../../../../src/cli/compare/compare.js";
import { plot } from "../../../../src/cli/plot/plot.js";

const resolved = (more: string): string =>
  `# Written by Coxswain: the run with every default, as it was started.\nmodel: m\noutput_dir: /runs/x\n${more}`;
const step = (at: number, loss: number): string =>
  `${JSON.stringify({ step: at, epoch: 1, loss, learning_rate: 1e-3, grad_norm: 1, tokens: 100, tokens_per_second: 50, step_seconds: 2 })}\n`;

function runOf(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries({ "metrics.jsonl": "", ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function output(runs: readonly string[], flags: { readonly json?: true } = {}): Promise<string> {
  let text = "";
  const stream = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  await compare(runs, flags, stream);
  return text;
}

const folder = mkdtempSync(join(tmpdir(), "coxswain-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const one = runOf(join(folder, "one"), {
  "resolved.yaml": resolved("lora: { r: 8 }\ntraining: { learning_rate: 0.001 }\ntelemetry: { nats: null }\n"),
  "metrics.jsonl": step(1, 3) + step(2, 1) + step(3, 2) + '{"step":3,"eval_loss":1.5,"eval_exact_match":0.25}\n',
  "adapter/adapter_model.safetensors": "same",
});
const two = runOf(join(folder, "two"), {
  "resolved.yaml": resolved(
    "lora: { r: 16 }\ntraining: { learning_rate: 0.001, early_stopping_patience: 3 }\ntelemetry: { nats: { url: nats://a } }\n",
  ),
  "metrics.jsonl": step(1, 3) + step(2, 2),
  "adapter/adapter_model.safetensors": "same",
});

describe("coxswain compare", () => {
  it("shows only settings that differ, by their keys, and null sections by the keys that another run has", async () => {
    const { settings } = JSON.parse(await output([one, two], { json: true })) as { settings: unknown };
    expect(settings).toEqual({
      "lora.r": [8, 16],
      "training.early_stopping_patience": [null, 3],
      "telemetry.nats.url": [null, "nats://a"],
    });
  });

  it("shows final and best losses, exact match, speed and equal adapters", async () => {
    const { runs, adapters_equal: equal } = JSON.parse(await output([one, two], { json: true })) as Record<
      string,
      unknown
    >;
    expect(runs).toMatchObject([
      {
        name: "one",
        step: 3,
        loss: 2,
        best_loss: 1,
        best_loss_step: 2,
        eval_loss: 1.5,
        eval_exact_match: 0.25,
        tokens: 300,
        seconds: 6,
        tokens_per_second: 50,
      },
      { name: "two", step: 2, loss: 2, best_loss: 2, eval_loss: null, eval_exact_match: null },
    ]);
    expect(equal).toBe(true);
    const table = await output([one, two]);
    expect(table).toMatch(/^lora\.r +8 +16$/m);
    expect(table).toMatch(/^best loss at step +1\.0000 at 2 +2\.0000 at 2$/m);
    expect(table).toMatch(/^exact match +25\.0 % +–$/m);
    expect(table).toContain("The adapters are equal, to the bit.");
  });

  it("fits 80 columns with long names and values and many runs, and cuts none of them", async () => {
    const long = (index: number): string => "x".repeat(90) + String(index);
    const runs = [1, 2, 3, 4, 5, 6, 7].map((index) =>
      runOf(join(folder, long(index)), {
        "resolved.yaml": resolved(`training: { early_stopping_threshold: ${long(index)} }\n`),
      }),
    );
    const lines = (await output(runs)).split("\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.join("").match(/\d(?=x| |$)/g)?.length).toBeGreaterThanOrEqual(7);
    expect(lines.join("\n")).toContain("No run has an adapter.");
  });

  it("compares a run whose settings are damaged by its result alone", async () => {
    const damaged = runOf(join(folder, "damaged"), {
      "resolved.yaml": resolved("lora: [\n"),
      "metrics.jsonl": step(1, 9),
    });
    const {
      settings,
      settings_known: known,
      adapters_equal: equal,
    } = JSON.parse(await output([one, damaged], { json: true })) as Record<string, unknown>;
    expect([settings, known, equal]).toEqual([{}, [true, false], null]);
  });

  it("refuses one run, also if it is given twice", async () => {
    await expect(output([one, join(one, "."), one])).rejects.toMatchObject({ code: "usage" });
  });
});

describe("a damaged record", () => {
  const broken = runOf(join(folder, "broken"), {
    "metrics.jsonl": `${step(1, 3)}{"step": 2, "lo\n\0\0\n${step(3, 2).replace('"loss":2', '"loss":null')}`,
  });
  const nowhere = runOf(join(folder, "nowhere"), {
    "metrics.jsonl": [1, 2]
      .map((at) => `{"step":${at},"loss":null,"learning_rate":null,"grad_norm":null,"tokens_per_second":null}\n`)
      .join(""),
  });

  it("is said to be damaged by compare, for people and in JSON", async () => {
    const written: string[] = [];
    const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
    try {
      const { runs } = JSON.parse(await output([one, broken], { json: true })) as { runs: object[] };
      expect(runs).toMatchObject([
        { damaged_lines: 0, not_finite: 0 },
        { damaged_lines: 2, not_finite: 1 },
      ]);
    } finally {
      spy.mockRestore();
    }
    expect(written).toEqual(
      expect.arrayContaining([
        "note: broken: 2 lines of metrics.jsonl could not be read and were skipped\n",
        "note: broken: 1 value of metrics.jsonl is not finite\n",
      ]),
    );
  });

  it("without a finite value is refused by plot, which writes no empty picture", async () => {
    const out = join(folder, "empty.svg");
    const quiet = { print: (): void => undefined, note: (): void => undefined };
    const flags = { out, smoothing: 0, width: 900 };
    await expect(plot([nowhere], flags, quiet)).rejects.toThrow(
      /no recorded value is finite, so there is nothing to draw/,
    );
    await expect(plot([zeros], { ...flags, log: true }, quiet)).rejects.toThrow(/no recorded value is above 0/);
    expect(existsSync(out)).toBe(false);
  });

  const zeros = runOf(join(folder, "zeros"), { "metrics.jsonl": '{"step":1,"loss":0}\n' });
});
