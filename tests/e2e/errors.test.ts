/** Bad input and failures: each ends with a message that names its cause, a hint, and the exit code of its kind. */
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { goldenFolder, quickstartModel, smallRun, stepLines } from "../support/runs.js";

interface Trouble {
  readonly code: number;
  /** What stderr must say. */
  readonly says: RegExp;
}

async function expectTrouble(folder: string, run: object, { code, says }: Trouble, args: string[] = []): Promise<void> {
  const result = await coxswain(["train", writeRun(folder, run), ...args], { env: { HF_HUB_OFFLINE: "1" } });
  expect(result.stderr).toMatch(says);
  expect(result.stderr).toMatch(/^error: /);
  expect(result.stderr).toMatch(/\nhint: \S/);
  expect(result.stderr).not.toMatch(/\n\s+at /);
  expect(result.code).toBe(code);
}

/** A copy of the golden model to spoil. */
function copyOfModel(folder: string, name = "llama"): string {
  const model = join(folder, "model");
  cpSync(join(goldenFolder, name, "model"), model, { recursive: true });
  return model;
}

function changeConfig(model: string, change: object): void {
  const path = join(model, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as object;
  writeFileSync(path, JSON.stringify({ ...config, ...change }));
}

function dataFile(folder: string, ...lines: (object | string)[]): string {
  const path = join(folder, "data.jsonl");
  writeFileSync(path, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return path;
}

describe("the run file", () => {
  it("with a value out of range and one of the wrong type names both", async () => {
    const run = smallRun({ training: { micro_batch_size: 0, save_steps: "often" } });
    await expectTrouble(temporaryFolder(), run, {
      code: 2,
      says: /micro_batch_size.*save_steps|save_steps.*micro_batch_size/s,
    });
  });

  it("that does not exist is named", async () => {
    const { code, stderr } = await coxswain(["train", "nothing.yaml"], { cwd: temporaryFolder() });
    expect(stderr).toMatch(/error: .*nothing\.yaml/);
    expect(code).toBe(2);
  });

  it("that listens beyond loopback without token or TLS is refused", async () => {
    const run = smallRun({ cluster: { listen: "0.0.0.0:0" } });
    await expectTrouble(temporaryFolder(), run, { code: 2, says: /cluster\.listen.*(token|TLS).*hint: .*--insecure/s });
  });

  it("whose output folder holds a run is refused, with --resume as the hint", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "out", "adapter"), { recursive: true });
    writeFileSync(join(folder, "out", "adapter", "adapter_config.json"), "{}");
    await expectTrouble(folder, smallRun(), { code: 2, says: /output_dir.*--resume/s });
  });
});

describe("the model", () => {
  it("with a truncated weights file is refused, naming the file and bytes", async () => {
    const folder = temporaryFolder();
    const model = copyOfModel(folder);
    truncateSync(join(model, "model.safetensors"), 500_000);
    await expectTrouble(folder, smallRun({ model }), { code: 4, says: /model\.safetensors.*bytes/ });
  });

  it("of an unsupported family is refused, with the supported ones", async () => {
    const folder = temporaryFolder();
    const model = copyOfModel(folder);
    changeConfig(model, { model_type: "mamba" });
    await expectTrouble(folder, smallRun({ model }), { code: 4, says: /mamba.*llama, mistral, qwen2, qwen3/s });
  });

  it("with an unsupported rope scaling is refused by its name", async () => {
    const folder = temporaryFolder();
    const model = copyOfModel(folder);
    changeConfig(model, { rope_scaling: { rope_type: "longrope", factor: 2 } });
    await expectTrouble(folder, smallRun({ model }), { code: 4, says: /longrope/ });
  });

  it("whose index names a file outside its folder is refused", async () => {
    const folder = temporaryFolder();
    const model = copyOfModel(folder, "qwen3-yarn-sharded");
    const path = join(model, "model.safetensors.index.json");
    const index = JSON.parse(readFileSync(path, "utf8")) as { weight_map: Record<string, string> };
    const [first] = Object.keys(index.weight_map);
    index.weight_map[first!] = "../outside.safetensors";
    writeFileSync(path, JSON.stringify(index));
    await expectTrouble(folder, smallRun({ model }), { code: 4, says: /\.\.\/outside\.safetensors/ });
  });

  it("without a targeted module is refused, with the modules that exist", async () => {
    const run = smallRun({ lora: { target_modules: ["query_proj"] } });
    await expectTrouble(temporaryFolder(), run, { code: 4, says: /query_proj.*q_proj/s });
  });

  it("is refused in float16, which the engine does not support", async () => {
    const run = smallRun({ compute: { dtype: "float16" } });
    const folder = temporaryFolder();
    const { code, stderr } = await coxswain(["train", writeRun(folder, run)]);
    expect(stderr).toMatch(/float16/);
    expect([2, 4, 5]).toContain(code);
  });
});

describe("the data", () => {
  it("with a line that is not JSON are refused by file and line", async () => {
    const folder = temporaryFolder();
    const train = dataFile(folder, { input_ids: [1, 2, 3] }, '{"input_ids": [1, 2');
    await expectTrouble(folder, smallRun({ data: { train } }), { code: 3, says: /data\.jsonl:2/ });
  });

  it.each([
    [
      "owner/name",
      /^error: owner\/name: no such file or folder, and as a data set of the hub: owner\/name is not in the/,
    ],
    ["hf://datasets/owner/name", /^error: hf:\/\/datasets\/owner\/name: URLs are not supported/],
    ["https://example.com/a.jsonl", /^error: https:\/\/example\.com\/a\.jsonl: data cannot be read over https:\/\//],
    ["table.xlsx", /table\.xlsx is a spreadsheet, which is not supported/],
    ["shards", /part\.arrow is an Arrow file, which is not supported/],
  ])("that cannot be read (%s) are refused by what they are", async (train, says) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "table.xlsx"), "PK");
    mkdirSync(join(folder, "shards"));
    writeFileSync(join(folder, "shards", "part.arrow"), "ARROW1");
    await expectTrouble(folder, smallRun({ data: { train } }), { code: 3, says });
  });

  it("with a misspelt role are refused by file and line, with the nearest role", async () => {
    const folder = temporaryFolder();
    const talk = (role: string): string =>
      `${JSON.stringify({
        messages: [
          { role: "user", content: "q" },
          { role, content: "a" },
        ],
      })}\n`;
    writeFileSync(join(folder, "talk.jsonl"), talk("assistant") + talk("asistant"));
    await expectTrouble(folder, smallRun({ model: quickstartModel, data: { train: "talk.jsonl", max_length: 64 } }), {
      code: 3,
      says: /talk\.jsonl:2: message 2 has the unknown role "asistant" \(did you mean "assistant"\?\)/,
    });
  });

  it("whose tools the chat template omits get a warning with the first such line", async () => {
    const folder = temporaryFolder();
    const messages = [
      { role: "user", content: "q" },
      { role: "assistant", content: "a" },
    ];
    writeFileSync(join(folder, "talk.jsonl"), `${JSON.stringify({ messages, tools: [{ name: "f" }] })}\n`);
    const run = smallRun({ model: quickstartModel, data: { train: "talk.jsonl", max_length: 64 } });
    const says = /1 of 1 examples \(first: \S+talk\.jsonl:1\) have tools that the chat template omits/;
    const file = writeRun(folder, run);
    expect((await coxswain(["preview", file])).stderr).toMatch(says);
    const trained = await coxswain(["train", file, "--set", "training.max_steps=1"]);
    expect(trained.code).toBe(0);
    expect(trained.stdout + trained.stderr).toMatch(says);
  });

  it("with a line of another shape are refused by file and line, with the expected shape", async () => {
    const folder = temporaryFolder();
    const train = dataFile(folder, { input_ids: [1, 2, 3] }, { text: "hello" });
    await expectTrouble(folder, smallRun({ data: { train } }), { code: 3, says: /data\.jsonl:2.*input_ids/ });
  });

  it("with an example without supervised tokens are refused by file and line", async () => {
    const folder = temporaryFolder();
    const train = dataFile(folder, { input_ids: [1, 2, 3] }, { input_ids: [1, 2], labels: [-100, -100] });
    await expectTrouble(folder, smallRun({ data: { train } }), { code: 3, says: /data\.jsonl:2.*supervised/ });
  });

  it("whose examples are all cut before their first supervised token are refused, naming max_length", async () => {
    const folder = temporaryFolder();
    const labels = [-100, -100, -100, -100, 5];
    const train = dataFile(folder, { input_ids: [1, 2, 3, 4, 5], labels });
    await expectTrouble(folder, smallRun({ data: { train, max_length: 3 } }), { code: 3, says: /max_length/ });
  });

  it("with a token beyond the vocabulary are refused by file and line", async () => {
    const folder = temporaryFolder();
    const train = dataFile(folder, { input_ids: [1, 2, 99_999] });
    await expectTrouble(folder, smallRun({ data: { train } }), { code: 3, says: /data\.jsonl:1.*99999/ });
  });

  it("that the chat template cannot render are refused with the template's message", async () => {
    const folder = temporaryFolder();
    const train = dataFile(folder, {
      messages: [
        { role: "user", content: "hi" },
        { role: "assistant", content: "yo" },
      ],
    });
    const template = "{{ raise_exception('only robots may speak') }}";
    const run = smallRun({ data: { train, chat_template: template } });
    await expectTrouble(folder, run, { code: 3, says: /data\.jsonl:1.*only robots may speak/ });
  });
});

describe("a loss that is not a number", () => {
  it("stops the run before the step is applied and saves the last finite state", async () => {
    const folder = temporaryFolder();
    const run = smallRun({
      training: { max_steps: 10, learning_rate: 1e30, lr_scheduler_type: "constant", max_grad_norm: 0 },
    });
    await expectTrouble(folder, run, {
      code: 8,
      says: /step \d+: the (loss|gradient norm) is (NaN|Infinity).*learning_rate/s,
    });
    const steps = stepLines(join(folder, "out"));
    const [checkpoint] = readdirSync(join(folder, "out", "checkpoints"));
    expect(checkpoint).toBe(`step-${String(steps.length).padStart(6, "0")}`);
    expect(existsSync(join(folder, "out", "adapter"))).toBe(false);
  });
});

describe("an excessive setting", () => {
  it("of the learning rate ends with a warning that the run has learnt nothing", async () => {
    const folder = temporaryFolder();
    const run = smallRun({ training: { max_steps: 10, learning_rate: 1e10, lr_scheduler_type: "constant" } });
    const { code, stdout } = await coxswain(["train", writeRun(folder, run)]);
    expect(stdout).toMatch(/done: 10 steps;.*\nwarning: the loss is .* learnt nothing.*training\.learning_rate/);
    expect(code).toBe(0);
    // One that learns says nothing of the kind.
    const fine = await coxswain([
      "train",
      writeRun(folder, smallRun({ output_dir: "fine", training: { max_steps: 10 } })),
    ]);
    expect(fine.stdout).not.toContain("warning");
  });

  it("of the rank is refused with the largest useful one", async () => {
    const folder = temporaryFolder();
    await expectTrouble(folder, smallRun({ lora: { r: 100_000 } }), { code: 2, says: /lora\.r is 100000.*above 64/s });
    expect(existsSync(join(folder, "out"))).toBe(false);
  });
});

describe("the network", () => {
  it("names the key, host and port of a port in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const listen = `127.0.0.1:${port}`;
      const folder = temporaryFolder();
      await expectTrouble(folder, smallRun({ cluster: { listen } }), {
        code: 5,
        says: new RegExp(`cluster\\.listen.*${port}`),
      });
      await expectTrouble(temporaryFolder(), smallRun({ telemetry: { http: listen } }), {
        code: 5,
        says: new RegExp(`telemetry\\.http.*${port}`),
      });
    } finally {
      server.close();
    }
  });

  it("retries while no coordinator answers, and then ends with a hint", async () => {
    const { code, stderr } = await coxswain([
      "worker",
      "--coordinator",
      "127.0.0.1:9",
      "--reconnect-timeout",
      "1",
      "--http",
      "none",
    ]);
    expect(stderr).toMatch(/trying again/);
    expect(stderr).toMatch(/no coordinator at 127\.0\.0\.1:9/);
    expect(code).toBe(5);
  });
});

describe("joining a coordinator", () => {
  async function coordinator(env: Record<string, string>): Promise<{ process: CoxswainProcess; address: string }> {
    const process = new CoxswainProcess(["coordinator", writeRun(temporaryFolder(), smallRun({ workers: 0 }))], {
      env,
    });
    const [, address] = await process.until(/listening on (\S+?),?\s/);
    return { process, address: address! };
  }

  it("is refused with the wrong token", async () => {
    const { address } = await coordinator({ COXSWAIN_TOKEN: "right" });
    const worker = await coxswain(["worker", "--coordinator", address, "--token", "wrong", "--http", "none"]);
    expect(worker.stderr).toMatch(/refused.*token/);
    expect(worker.stderr).not.toContain("right");
    expect(worker.code).toBe(5);
  });

  it("is refused by the worker when --model is not the run's model", async () => {
    const { address } = await coordinator({});
    const other = copyOfModel(temporaryFolder(), "qwen3");
    const worker = await coxswain(["worker", "--coordinator", address, "--model", other, "--http", "none"]);
    expect(worker.stderr).toMatch(/is not the model of this run/);
    expect(worker.code).toBe(4);
  });
});
