/** A run reads each data set of the hub at one commit, however often its examples are read, and after a restart. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { recordedDatasets } from "../../../../src/coordinator/record/recorded-datasets.js";
import { DatasetVersions, readRecords } from "../../../../src/data/index.js";
import { FakeHub } from "../../../support/hub/hub.js";
import { temporaryFolder } from "../../model/helpers.js";

const id = "org/chats";
const line = (text: string): string => `${JSON.stringify({ text })}\n`;

async function setUp() {
  const hub = await FakeHub.start();
  onTestFinished(() => hub.close());
  const repository = hub.add("dataset", id, { "train.jsonl": line("a") + line("b"), "test.jsonl": line("c") });
  const environment = { HF_ENDPOINT: hub.url, HF_HOME: temporaryFolder(), HF_HUB_OFFLINE: "", HF_TOKEN: "" };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const read = async (source: Parameters<typeof readRecords>[0], datasets?: DatasetVersions): Promise<unknown[]> => {
    const values: unknown[] = [];
    for await (const { value } of readRecords(source, { datasets })) values.push((value as { text: string }).text);
    return values;
  };
  const lookups = (): number => hub.requests.filter((request) => request.includes("/revision/")).length;
  return { hub, repository, read, lookups };
}

describe("a data set of the hub", () => {
  it("is looked up once, though a weight has its examples read twice", async () => {
    const { read, lookups } = await setUp();
    expect(await read({ dataset: id, weight: 2 })).toEqual(["a", "b", "a", "b"]);
    expect(lookups()).toBe(1);
  });

  it("is read at one commit by training and evaluation, though the branch moves meanwhile", async () => {
    const { hub, repository, read } = await setUp();
    const datasets = new DatasetVersions();
    expect(await read({ dataset: id }, datasets)).toEqual(["a", "b"]);
    hub.commit(repository, "main", { "train.jsonl": line("new") });
    expect(await read({ dataset: id }, datasets)).toEqual(["a", "b"]);
    expect(await read({ dataset: id })).toEqual(["new"]);
  });

  it("is read at the recorded commit by a resumed run, each split by itself", async () => {
    const { hub, repository, read } = await setUp();
    const before = new DatasetVersions();
    await read([{ dataset: id }, { dataset: id, split: "test" }], before);
    const time = "2026-11-30T12:00:00.000Z";
    const events = (await before.read()).map((each) => ({ time, event: "dataset_resolved" as const, ...each }));
    expect(events).toMatchObject([
      { dataset: id, split: null, commit: repository.branches.get("main") },
      { dataset: id, split: "test", by: "file names" },
    ]);
    hub.commit(repository, "main", { "train.jsonl": line("new"), "test.jsonl": line("newer") });
    const notes: string[] = [];
    const after = new DatasetVersions({ recorded: recordedDatasets(events), onNote: (text) => notes.push(text) });
    expect(await read([{ dataset: id }, { dataset: id, split: "test" }], after)).toEqual(["a", "b", "c"]);
    expect(notes.filter((note) => note.includes("main has moved"))).toHaveLength(2);
  });

  it("without a complete record is read at its newest commit", () => {
    const time = "2026-11-30T12:00:00.000Z";
    const event = "dataset_resolved" as const;
    expect(
      recordedDatasets([
        { time, event },
        { time, event, dataset: id, commit: "x", by: "magic" },
      ]),
    ).toEqual([]);
  });
});
