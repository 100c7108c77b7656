/** Large data over real processes: every form of the same data gives the same adapter, and a second start is quick. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { coxswain, temporaryFolder } from "../support/processes.js";
import { quickstartData, quickstartModel } from "../support/runs.js";

const folder = temporaryFolder();
const env = { COXSWAIN_CACHE: join(folder, "cache") };
const example = (index: number, line: string): string => {
  const { messages } = JSON.parse(line) as { messages: { role: string; content: string }[] };
  return JSON.stringify({ messages, note: `${index} ${"x".repeat(1200)}` });
};

/** More than 8 MiB: several threads tokenise them, if there are several cores. */
function writeData(): void {
  const lines = readFileSync(join(quickstartData, "train.jsonl"), "utf8").trim().split("\n");
  const many = Array.from({ length: 6_500 }, (_, index) => example(index, lines[index % lines.length] ?? ""));
  const text = `${many.join("\n")}\n`;
  writeFileSync(join(folder, "a.jsonl"), text);
  // So that it is large when compressed, too.
  writeFileSync(join(folder, "b.jsonl.gz"), gzipSync(text, { level: 0 }));
  writeFileSync(join(folder, "c.json"), `[${many.join(",\n")}]`);
}

const train = (file: string, output: string, ...more: string[]) =>
  coxswain(
    [
      ...["train", join(folder, "run.yaml"), "--set", `data.train=${join(folder, file)}`],
      ...["--set", `output_dir=${join(folder, output)}`, ...more],
    ],
    { env },
  );
const adapter = (output: string): Buffer => readFileSync(join(folder, output, "adapter", "adapter_model.safetensors"));

describe("8 MiB of chats", () => {
  beforeAll(() => {
    writeData();
    writeFileSync(
      join(folder, "run.yaml"),
      JSON.stringify({
        model: quickstartModel,
        output_dir: "unused",
        data: { train: "unused", max_length: 128 },
        training: { global_batch_size: 4, micro_batch_size: 2, max_steps: 2 },
        cluster: { listen: "127.0.0.1:0" },
        telemetry: { http: null },
      }),
    );
  });

  it("give the same adapter as JSONL, compressed, and as a list", async () => {
    for (const file of ["a.jsonl", "b.jsonl.gz", "c.json"]) {
      const { code, stderr } = await train(file, `out-${file}`);
      expect(code, stderr).toBe(0);
    }
    expect(adapter("out-b.jsonl.gz").equals(adapter("out-a.jsonl"))).toBe(true);
    expect(adapter("out-c.json").equals(adapter("out-a.jsonl"))).toBe(true);
  });

  it("are not tokenised again by the next start", async () => {
    const { code, stdout, stderr } = await train("a.jsonl", "out-again");
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).toContain("the tokens of an earlier start are used");
    expect(adapter("out-again").equals(adapter("out-a.jsonl"))).toBe(true);
  });

  it("have a bad line reported with its place, and leave no process behind", async () => {
    const lines = readFileSync(join(folder, "a.jsonl"), "utf8").split("\n");
    lines[6_000] = "{";
    writeFileSync(join(folder, "bad.jsonl"), lines.join("\n"));
    const { code, stderr } = await train("bad.jsonl", "out-bad");
    expect(code).toBe(3);
    expect(stderr).toMatch(/bad\.jsonl:6001: not JSON/);
  });

  it("are described by `coxswain data`, and a dry run trains nothing", async () => {
    const set = ["--set", `data.train=${join(folder, "a.jsonl")}`];
    const data = await coxswain(["data", join(folder, "run.yaml"), ...set, "--json"], { env });
    expect(data.code, data.stderr).toBe(0);
    expect(JSON.parse(data.stdout)).toMatchObject({ training: { lines: 6_500 } });
    const dry = await train("a.jsonl", "out-dry", "--dry-run");
    expect(dry.code, dry.stderr).toBe(0);
    expect(() => adapter("out-dry")).toThrow(/ENOENT/);
    const wrong = await train("a.jsonl", "out-dry", "--dry-run", "--set", "training.max_steps=-1");
    expect(wrong.code).toBe(2);
  });
});
