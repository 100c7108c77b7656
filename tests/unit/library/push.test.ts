/** A finished run's adapter is published as one commit, and nothing else of the machine leaves it. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, hostname, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { push, type PushOptions } from "../../../src/library/index.js";
import { FakeHub } from "../../support/hub/hub.js";
import { HttpProxy } from "../../support/http-proxy.js";
import { expectTrouble, golden, temporaryFolder } from "../model/helpers.js";

afterEach(() => vi.unstubAllEnvs());

const repo = "org/my-adapter";
const token = "hf_writing";

const step = (number: number, loss: number): object => ({
  ...{ step: number, epoch: number / 10, loss, grad_norm: 1, learning_rate: 1e-4, tokens: 100, supervised_tokens: 40 },
  ...{ tokens_per_second: 10, step_seconds: 10, workers: 2 },
});
const lines = (...objects: object[]): string => objects.map((each) => `${JSON.stringify(each)}\n`).join("");

/** A finished run's output folder, as Coxswain leaves it. */
function finishedRun(): string {
  const folder = join(temporaryFolder(), "secret-project");
  const adapter = join(folder, "adapter");
  mkdirSync(join(folder, "checkpoints", "step-000002"), { recursive: true });
  mkdirSync(adapter);
  const base = join(folder, "models", "base-model");
  for (const name of ["adapter_config.json", "adapter_model.safetensors"])
    copyFileSync(join(golden("llama/adapter_init"), name), join(adapter, name));
  const config = readFileSync(join(adapter, "adapter_config.json"), "utf8");
  const named = config.replace('"base_model_name_or_path": null', `"base_model_name_or_path": ${JSON.stringify(base)}`);
  writeFileSync(join(adapter, "adapter_config.json"), named);
  writeFileSync(join(adapter, "README.md"), "the old card");
  writeFileSync(join(adapter, "tokenizer.json"), '{"model": {"vocab": {"/root": 1}}}');
  writeFileSync(join(adapter, "tokenizer_config.json"), JSON.stringify({ name_or_path: base, eos_token: "</s>" }));
  writeFileSync(join(adapter, "notes.txt"), "call Nikolai");
  writeFileSync(
    join(adapter, "coxswain.json"),
    JSON.stringify({
      version: 1,
      base_model: { id: null, sha256: "0".repeat(64), files: {} },
      chat_template_kwargs: { tone: 1 },
    }),
  );
  writeFileSync(
    join(folder, "resolved.yaml"),
    `# Written by Coxswain: the run with every default, as it was started.
model: ${base}
output_dir: ${folder}
data:
  train: ${join(folder, "customers.jsonl")}
training:
  learning_rate: 0.0003
`,
  );
  const time = "2026-11-30T12:00:00.000Z";
  writeFileSync(
    join(folder, "events.jsonl"),
    lines(
      { time, event: "run_started", step: 0, total_steps: 2, model: base },
      { time, event: "worker_joined", worker: "gpu-host-1", host: "gpu-host", pid: 1 },
      { time, event: "engine_chosen", engine: "onnx", backend: "onnxruntime", device: "cpu" },
      { time, event: "run_finished" },
    ),
  );
  writeFileSync(
    join(folder, "metrics.jsonl"),
    lines(step(1, 2.5), { step: 1, eval_loss: 2.25 }, step(2, 1.25), { step: 2, eval_loss: 1.5 }),
  );
  return folder;
}

async function setUp() {
  const hub = await FakeHub.start();
  onTestFinished(() => hub.close());
  hub.writers.add(token);
  const environment = { HF_ENDPOINT: hub.url, HF_TOKEN: token, HF_HOME: temporaryFolder(), HF_HUB_OFFLINE: "" };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const run = finishedRun();
  const notes: string[] = [];
  const publish = (options: Partial<PushOptions> = {}) =>
    push({ run, repo, onNote: (text) => notes.push(text), ...options });
  const published = (branch = "main"): Map<string, string> => {
    const repository = hub.find("model", repo);
    const files = repository?.commits.get(repository.branches.get(branch) ?? "");
    return new Map([...(files ?? [])].map(([name, bytes]) => [name, bytes.toString("latin1")]));
  };
  const commits = (): number => (hub.find("model", repo)?.commits.size ?? 1) - 1;
  return { hub, run, notes, publish, published, commits };
}

describe("a finished run", () => {
  it("is published with what loading the adapter needs, in one commit of a new repository", async () => {
    const { hub, run, publish, published, commits, notes } = await setUp();
    const result = await publish();
    const names = ["README.md", "adapter_config.json", "adapter_model.safetensors", "coxswain.json"];
    const all = [...names, "tokenizer.json", "tokenizer_config.json"];
    expect(result).toMatchObject({ url: `${hub.url}/${repo}`, isNew: true, files: all });
    expect(result.commit).toBe(hub.find("model", repo)?.branches.get("main"));
    expect([...published().keys()].sort()).toEqual([".gitattributes", ...all]);
    expect(commits()).toBe(1);
    expect(published().get("adapter_model.safetensors")).toBe(
      readFileSync(join(run, "adapter", "adapter_model.safetensors"), "latin1"),
    );
    expect(notes[0]).toBe("not published, since loading the adapter does not need them: notes.txt");
    expect(notes[1]).toContain("--base-model");
  });

  it("has a card with settings, training curve and evaluations", async () => {
    const { publish, published } = await setUp();
    await publish({ baseModel: "org/base" });
    const card = published().get("README.md") ?? "";
    for (const line of [
      'base_model: "org/base"',
      "# org/my-adapter",
      'model = PeftModel.from_pretrained(base, "org/my-adapter")',
      "- 1 local source, not published",
      "Trained on 200 tokens, 80 of them supervised.",
      "| learning rate | 0.0003 |",
      "| engine | onnxruntime on cpu |",
      "| 1 | 0.1 | 2.5 | 0.0001 |",
      "| 2 | 0.2 | 1.25 | 0.0001 |",
      "| 1 | 2.25 | 9.488 |",
      "| 2 | 1.5 | 4.482 |",
      "The lowest is 1.5, at step 2; the adapter is that of the last step.",
    ])
      expect(card.split("\n")).toContain(line);
    expect(JSON.parse(published().get("adapter_config.json") ?? "")).toMatchObject({
      base_model_name_or_path: "org/base",
    });
    expect(JSON.parse(published().get("coxswain.json") ?? "")).toMatchObject({
      base_model: { id: "org/base" },
      chat_template_kwargs: { tone: 1 },
    });
    expect(card).toContain('| chat_template_kwargs | {"tone":1} |');
  });

  it("names the hub's data sets, with the commit that was read", async () => {
    const { run, publish, published } = await setUp();
    const path = join(run, "resolved.yaml");
    const sources = "[{ dataset: org/chats, config: en, split: train }, org/plain, b.jsonl]";
    writeFileSync(path, readFileSync(path, "utf8").replace(/train: .*/, `train: ${sources}`));
    const time = "2026-11-30T12:00:00.000Z";
    const commit = "0123456789abcdef0123456789abcdef01234567";
    const read = {
      time,
      event: "dataset_resolved",
      dataset: "org/chats",
      config: "en",
      split: "train",
      commit,
      by: "README.md",
    };
    writeFileSync(join(run, "events.jsonl"), lines(read) + readFileSync(join(run, "events.jsonl"), "utf8"));
    await publish();
    const card = published().get("README.md") ?? "";
    expect(card).toContain('datasets:\n- "org/chats"\n- "org/plain"\n');
    expect(card).toContain(
      `- [\`org/chats\`](https://huggingface.co/datasets/org/chats), configuration \`en\`, split \`train\`, revision \`${commit}\`\n`,
    );
    expect(card).toContain(
      "- [`org/plain`](https://huggingface.co/datasets/org/plain)\n- 1 local source, not published\n",
    );
  });

  it("publishes no path, host, user, token or text of an example", async () => {
    const { run, publish, published } = await setUp();
    await publish();
    const secrets = ["secret-project", "customers", "gpu-host", "Nikolai", token, homedir(), run, "/models/"];
    for (const [name, text] of published()) {
      if (name === "tokenizer.json") continue;
      for (const secret of [...secrets, ...(userInfo().username.length > 3 ? [userInfo().username] : [])])
        expect(text, `${name}: ${secret}`).not.toContain(secret);
      expect(text).not.toMatch(new RegExp(`\\b${hostname()}\\b`));
    }
    expect(JSON.parse(published().get("tokenizer_config.json") ?? "")).toEqual({
      name_or_path: "base-model",
      eos_token: "</s>",
    });
  });

  it.each([
    ["the token", token],
    ["the path", ""],
  ])("is refused if a file contains %s", async (what, text) => {
    const { hub, run, publish } = await setUp();
    const path = join(run, "adapter", "chat_template.jinja");
    writeFileSync(path, `{# ${text === "" ? join(run, "train.jsonl") : text} #}`);
    const trouble = await expectTrouble(publish(), "config");
    expect(trouble.message).toContain(`chat_template.jinja of the adapter contains ${what}`);
    if (what === "the token") expect(trouble.message).not.toContain(token);
    expect(hub.requests).toEqual([]);
  });

  it("can be given by its adapter, or its run file", async () => {
    const { run, publish } = await setUp();
    await publish({ run: join(run, "adapter") });
    await publish({ run: join(run, "resolved.yaml") });
  });
});

describe("the repository", () => {
  it("is private if asked for; an existing one keeps its visibility, and files of other names", async () => {
    const { hub, publish, published, notes, commits } = await setUp();
    await publish({ private: true });
    const repository = hub.find("model", repo)!;
    expect(repository.access).toBe("private");
    const uploads = hub.requests.filter((request) => request.startsWith("CDN PUT")).length;
    hub.commit(repository, "main", {
      ...Object.fromEntries(repository.commits.get(repository.branches.get("main")!)!),
      LICENSE: "x",
    });
    expect(await publish({ private: true, message: "again" })).toMatchObject({ isNew: false });
    expect(notes.at(-1)).toBe("org/my-adapter existed before: its visibility is unchanged");
    expect(published().has("LICENSE")).toBe(true);
    expect(commits()).toBe(3);
    // The hub has the weights already.
    expect(hub.requests.filter((request) => request.startsWith("CDN PUT"))).toHaveLength(uploads);
  });

  it("gets the branch that is named, also an existing one", async () => {
    const { hub, publish, published } = await setUp();
    for (const isNew of [true, false]) {
      expect(await publish({ revision: "v2/final" })).toMatchObject({ url: `${hub.url}/${repo}/tree/v2/final`, isNew });
    }
    expect(published("v2/final").has("adapter_model.safetensors")).toBe(true);
    expect(published().has("adapter_model.safetensors")).toBe(false);
  });

  it("that was renamed is written to under its new name", async () => {
    const { hub, publish, commits } = await setUp();
    await publish();
    hub.renamed.set("org/old-name", repo);
    hub.add("model", "org/old-name", {});
    await publish({ repo: "org/old-name" });
    expect(commits()).toBe(2);
  });

  it("is reached through a proxy", async () => {
    const { hub, publish, commits } = await setUp();
    const proxy = await HttpProxy.start();
    onTestFinished(() => proxy.close());
    vi.stubEnv("http_proxy", `http://127.0.0.1:${proxy.port}`);
    vi.stubEnv("no_proxy", "");
    vi.stubEnv("HF_ENDPOINT", `http://hub.test:${new URL(hub.url).port}`);
    await publish();
    expect(commits()).toBe(1);
    expect(new Set(proxy.asked)).toEqual(new Set([`hub.test:${new URL(hub.url).port}`]));
  });
});

describe("what cannot be published: why, and what to do", () => {
  it.each([
    "first",
    "a/b/c",
    "org/",
    "/x",
    "org/a b",
    "org/a--b",
    "org/a..b",
    "org/x.git",
    "-o/x",
    "https://x.test/a/b",
    `o/${"x".repeat(99)}`,
  ])("the name %s", async (name) => {
    const { hub, publish } = await setUp();
    expect((await expectTrouble(publish({ repo: name }), "usage")).hint).toContain("owner/name");
    expect(hub.requests).toEqual([]);
  });

  it.each(["..", "a..b", "a b", "0".repeat(40), "", "a//b", "x/"])("the branch %j", async (revision) => {
    const { publish } = await setUp();
    expect((await expectTrouble(publish({ revision }), "usage")).message).toContain("is not the name of a branch");
  });

  it("no token: where tokens come from", async () => {
    const { hub, publish } = await setUp();
    vi.stubEnv("HF_TOKEN", "");
    const trouble = await expectTrouble(publish(), "config");
    expect(trouble.message).toBe("publishing to the hub requires a token, and HF_TOKEN is not set");
    expect(trouble.hint).toContain(`${hub.url}/settings/tokens`);
  });

  it("a token that only reads, one that is not accepted, and one that is none", async () => {
    const { hub, publish, commits } = await setUp();
    vi.stubEnv("HF_TOKEN", "hf_reading");
    const reading = await expectTrouble(publish(), "config");
    expect(reading.message).toMatch(
      /^HF_TOKEN may not write to org\/my-adapter \(403: .*role read\): nothing was published$/,
    );
    expect(reading.hint).toContain('role "write"');
    hub.troubles.statuses.push([/create/, 401, { error: "Invalid credentials in Authorization header" }]);
    expect((await expectTrouble(publish(), "config")).message).toContain("does not accept HF_TOKEN (401)");
    vi.stubEnv("HF_TOKEN", "secret");
    const none = await expectTrouble(publish(), "config");
    expect(none.message).toContain("HF_TOKEN is not a Hugging Face token");
    expect(none.message).not.toContain("secret");
    expect(commits()).toBe(0);
  });

  it.each([
    ["stopped", "run_stopped", /is not finished: it was stopped at step 2 of 2$/],
    ["failed", "run_failed", /is not finished: it failed at step 2 of 2$/],
    ["interrupted", "checkpoint_saved", /it was interrupted/],
  ] as const)("a run that %s", async (_, event, message) => {
    const { run, publish, hub } = await setUp();
    const path = join(run, "events.jsonl");
    writeFileSync(path, readFileSync(path, "utf8").replace("run_finished", event));
    const trouble = await expectTrouble(publish(), "config");
    expect(trouble.message).toMatch(message);
    expect(trouble.hint).toContain("--resume");
    expect(hub.requests).toEqual([]);
  });

  it("a run without an adapter, with a damaged one, or none at all", async () => {
    const { run, publish } = await setUp();
    const weights = join(run, "adapter", "adapter_model.safetensors");
    writeFileSync(weights, readFileSync(weights).subarray(0, 100));
    expect((await expectTrouble(publish(), "model")).message).toContain(weights);
    rmSync(join(run, "adapter"), { recursive: true });
    expect((await expectTrouble(publish(), "config")).message).toContain("its adapter is gone");
    expect((await expectTrouble(publish({ run: temporaryFolder() }), "config")).message).toContain(
      "is not the output folder",
    );
    expect((await expectTrouble(publish({ run: join(run, "none") }), "config")).message).toContain(
      "no such file or folder",
    );
  });

  it.each([
    ["the uploads", /^\/upload/, /cannot publish to org\/my-adapter on \S+: .*; nothing was published$/],
    ["the list of uploads", /objects\/batch/, /; nothing was published$/],
    ["the commit", /\/commit\/main/, /; whether the commit was made is not known: see http/],
  ] as const)("a network that ends in %s publishes nothing, and the next try succeeds", async (_, path, message) => {
    const { hub, publish, commits } = await setUp();
    hub.troubles.cut.push(path);
    const trouble = await expectTrouble(publish(), "network");
    expect(trouble.message).toMatch(message);
    expect(commits()).toBe(0);
    hub.troubles.cut.length = 0;
    await publish();
    expect(commits()).toBe(1);
  });

  it.each([
    [/preupload/, 500, "network", /answered 500 while publishing .*nothing was published/],
    [/batch/, 413, "config", /refused the upload .*413/],
    [/\/commit\//, 412, "config", /refused the upload .*412: A commit has happened since/],
    [/\/commit\//, 503, "network", /answered 503 .*whether the commit was made is not known/],
    [/^\/upload/, 403, "config", /may not write/],
  ] as const)("%s answered by %d", async (path, status, code, message) => {
    const { hub, publish, commits } = await setUp();
    hub.troubles.statuses.push([path, status, { error: "A commit has happened since" }]);
    expect((await expectTrouble(publish(), code)).message).toMatch(message);
    expect(commits()).toBe(0);
  });

  it("a server that redirects to another: which address to set", async () => {
    const { hub, publish } = await setUp();
    hub.troubles.redirect = "https://hub.example";
    const trouble = await expectTrouble(publish(), "network");
    expect(trouble.message).toMatch(/redirects to https:\/\/hub\.example: nothing was published$/);
    expect(trouble.hint).toContain("HF_ENDPOINT");
  });

  it("an upload that is aborted publishes nothing", async () => {
    const { publish, commits } = await setUp();
    const aborting = new AbortController();
    const onProgress = (text: string): void => {
      if (text.startsWith("uploading")) aborting.abort();
    };
    await expectTrouble(publish({ signal: aborting.signal, onProgress }), "interrupted");
    expect(commits()).toBe(0);
  });

  it("HF_HUB_OFFLINE", async () => {
    const { publish } = await setUp();
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect((await expectTrouble(publish(), "config")).message).toContain("HF_HUB_OFFLINE");
  });
});
