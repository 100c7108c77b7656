/** `coxswain push`: a run that was trained here, published by real processes to a hub on loopback. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeHub, type Files } from "../support/hub/hub.js";
import { coxswain, CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartData, quickstartModel, smallEvaluationSet, smallRun } from "../support/runs.js";

const folder = temporaryFolder();
const output = join(folder, "out");
const repo = "org/my-adapter";
let hub: FakeHub;

const env = (more: Record<string, string> = {}): Record<string, string> => ({
  HF_ENDPOINT: hub.url,
  HF_TOKEN: "hf_writing",
  HF_HOME: join(folder, "home"),
  HF_HUB_OFFLINE: "",
  ...more,
});
const push = (args: readonly string[] = [], more: Record<string, string> = {}) =>
  coxswain(["push", output, "--repo", repo, ...args], { env: env(more) });

beforeAll(async () => {
  hub = await FakeHub.start();
  hub.writers.add("hf_writing");
  const data = { train: join(quickstartData, "train.jsonl"), eval: smallEvaluationSet(folder), max_length: 256 };
  const run = writeRun(folder, smallRun({ model: quickstartModel, data, training: { eval_steps: 1 } }));
  const trained = await coxswain(["train", run]);
  expect(trained.code, trained.stderr).toBe(0);
});

afterAll(() => hub.close());

const published = (): Files | undefined => {
  const repository = hub.find("model", repo);
  return repository?.commits.get(repository.branches.get("main") ?? "");
};

describe("coxswain push", () => {
  it("killed in the middle of an upload publishes nothing; the next one publishes all, and prints where", async () => {
    hub.troubles.hold.push(/^CDN PUT/);
    const uploading = hub.requested(/^CDN PUT/);
    const killed = new CoxswainProcess(["push", output, "--repo", repo], { env: env() });
    await uploading;
    killed.killAll();
    await killed.finished;
    expect([...(published()?.keys() ?? [])]).toEqual([".gitattributes"]);
    hub.troubles.hold.length = 0;
    const { code, stdout, stderr } = await push(["--base-model", "org/base"]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(new RegExp(`^published 7 files to ${hub.url}/${repo} \\(commit [0-9a-f]{7}\\)\n$`));
    expect(code).toBe(0);
    const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    const weights = published()?.get("adapter_model.safetensors") ?? Buffer.alloc(0);
    expect(sha256(weights)).toBe(sha256(readFileSync(join(output, "adapter", "adapter_model.safetensors"))));
    const card = published()?.get("README.md")?.toString() ?? "";
    expect(card).toMatch(/\| 1 \| \S+ \| \S+ \| \S+ \|\n\| 2 \|/);
    expect(card).toContain("## Evaluation");
  });

  it("publishes nothing that names this machine's folders", () => {
    for (const [name, bytes] of published() ?? []) {
      if (name === "tokenizer.json") continue;
      for (const place of [folder, quickstartModel, quickstartData]) expect(bytes.includes(place), name).toBe(false);
    }
  });

  it("gives an error and an exit code for what cannot be published", async () => {
    const before = hub.requests.length;
    const noToken = await push([], { HF_TOKEN: "" });
    expect(noToken.stderr).toMatch(/^error: publishing to the hub requires a token.*\nhint: .*settings\/tokens/);
    expect(noToken.code).toBe(2);
    const name = await coxswain(["push", output, "--repo", "adapter"], { env: env() });
    expect([name.code, name.stderr]).toEqual([2, expect.stringContaining('"adapter" is not the name of a repository')]);
    const run = await coxswain(["push", folder, "--repo", repo], { env: env() });
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining("is not the output folder of a run")]);
    expect(hub.requests.length).toBe(before);
    const reading = await push([], { HF_TOKEN: "hf_reading" });
    expect([reading.code, reading.stderr]).toEqual([
      2,
      expect.stringContaining("HF_TOKEN may not write to org/my-adapter"),
    ]);
    const gone = await push([], { HF_ENDPOINT: "http://127.0.0.1:9" });
    expect([gone.code, gone.stderr]).toEqual([5, expect.stringContaining("nothing was published")]);
  });
});
