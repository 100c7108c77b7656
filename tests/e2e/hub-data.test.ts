/** A run whose training data is a data set of a hub, over real processes. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeHub, type Repository } from "../support/hub/hub.js";
import { coxswain, CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { eventLines, quickstartData, quickstartModel, smallRun } from "../support/runs.js";

const folder = temporaryFolder();
const id = "org/commands";
const data = readFileSync(join(quickstartData, "train.jsonl"));
const half = data.indexOf("\n", data.length / 2) + 1;
const files = {
  "README.md": "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*\n---\n",
  "data/train-00000-of-00002.jsonl": data.subarray(0, half),
  "data/train-00001-of-00002.jsonl": data.subarray(half),
};
let hub: FakeHub;
let repository: Repository;

beforeAll(async () => {
  hub = await FakeHub.start();
  repository = hub.add("dataset", id, files);
});
afterAll(() => hub.close());

const env = (more: Record<string, string> = {}): Record<string, string> => ({
  HF_ENDPOINT: hub.url,
  HF_HOME: join(folder, "home"),
  COXSWAIN_CACHE: join(folder, "cache"),
  HF_HUB_OFFLINE: "",
  HF_TOKEN: "",
  ...more,
});
const runOf = (train: unknown, output: string, training: object = {}): string =>
  writeRun(
    folder,
    smallRun({ model: quickstartModel, output_dir: output, data: { train, max_length: 256 }, training }),
    `${output}.yaml`,
  );
const adapterHash = (output: string): string =>
  createHash("sha256")
    .update(readFileSync(join(folder, output, "adapter", "adapter_model.safetensors")))
    .digest("hex");

describe("a data set of the hub", () => {
  it("is fetched once: a start that is killed in the middle is continued at its byte", async () => {
    const run = runOf({ dataset: id }, "hub");
    const broken = 50_000;
    hub.troubles.breakAfter.push(broken);
    hub.troubles.hold.push(/^CDN GET .* bytes=[1-9]/);
    // The second request asks for what the first one did not bring.
    const asked = hub.requested(new RegExp(`bytes=${broken}-`));
    const killed = new CoxswainProcess(["train", run], { env: env() });
    await asked;
    killed.killAll();
    await killed.finished;
    hub.troubles.hold.length = 0;
    const trained = await coxswain(["train", run], { env: env() });
    expect(trained.code, trained.stderr).toBe(0);
    expect(trained.stdout + trained.stderr).toMatch(
      /org\/commands: the split train is 2 files at [0-9a-f]{7} \(by README\.md\)/,
    );
    expect(hub.bytesSent).toBe(data.length);
    const [resolved] = eventLines(join(folder, "hub")).filter(({ event }) => event === "dataset_resolved");
    expect(resolved).toMatchObject({ dataset: id, commit: repository.branches.get("main"), by: "README.md" });
  });

  it("gives the adapter of the same examples in a file, and is read offline the second time", async () => {
    const asked = hub.requests.length;
    const offline = await coxswain(["train", runOf(id, "offline")], { env: env({ HF_HUB_OFFLINE: "1" }) });
    expect(offline.code, offline.stderr).toBe(0);
    expect(hub.requests.length).toBe(asked);
    const local = await coxswain(["train", runOf(join(quickstartData, "train.jsonl"), "local")], { env: env() });
    expect(local.code, local.stderr).toBe(0);
    expect(adapterHash("offline")).toBe(adapterHash("local"));
    expect(adapterHash("hub")).toBe(adapterHash("local"));
  });

  it("that has moved is read at the commit with which a resumed run started, with a note", async () => {
    const training = { max_steps: 4, save_steps: 2, lr_scheduler_type: "constant" };
    const run = runOf({ dataset: id, split: "train" }, "moved", training);
    const stopped = await coxswain(["train", run, "--set", "training.max_steps=4"], { env: env() });
    expect(stopped.code, stopped.stderr).toBe(0);
    const before = repository.branches.get("main")!;
    hub.commit(repository, "main", { "train.jsonl": '{"text": "other"}\n' });
    const resumed = await coxswain(["train", run, "--resume"], { env: env() });
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stdout + resumed.stderr).toContain(
      `the run continues with ${before.slice(0, 7)}, with which it started`,
    );
    repository.branches.set("main", before);
  });

  it("that does not exist ends the start with an error and its exit code", async () => {
    const cases = [
      [{ dataset: "org/none" }, /has no data set org\/none, or does not show it \(401\)/],
      [{ dataset: id, split: "dev" }, /org\/commands has no split "dev"\. It has: train/],
      [{ dataset: id, config: "en" }, /org\/commands has no configuration "en"/],
      [{ dataset: id, revision: "v9" }, /org\/commands has no revision v9/],
    ] as const;
    for (const [train, message] of cases) {
      const { code, stderr } = await coxswain(["preview", runOf(train, "wrong")], { env: env() });
      expect([code, stderr]).toEqual([3, expect.stringMatching(message)]);
    }
  });
});
