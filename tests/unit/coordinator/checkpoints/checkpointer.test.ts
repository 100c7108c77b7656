import { describe, expect, it } from "vitest";
import { Checkpointer } from "../../../../src/coordinator/checkpoints/checkpointer.js";
import { stepNumber } from "../../../../src/ids.js";
import type { ReplicaState } from "../../../../src/optim/index.js";

const state = (step: number): ReplicaState => ({
  step: stepNumber(step),
  parameters: new Float32Array(1),
  m: new Float32Array(1),
  v: new Float32Array(1),
});

/** Writes that end when they are told to. */
function opened() {
  const begun: { step: number; end: (path: string) => void; fail: (error: Error) => void }[] = [];
  const told: string[] = [];
  const saves = new Checkpointer({
    newest: undefined,
    write: ({ step }) => new Promise((end, fail) => begun.push({ step, end, fail })),
    onSaved: ({ step }) => void told.push(`saved ${step}`),
    onFailed: (step, error) => void told.push(`failed ${step}: ${error.code}`),
    clock: { now: () => 0, wallClock: () => 5 },
  });
  return { saves, begun, told };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("checkpoints", () => {
  it("are written one at a time, and resolve for everyone who waits", async () => {
    const { saves, begun, told } = opened();
    saves.write(state(1));
    saves.write(state(2));
    const both = [saves.of(stepNumber(2)), saves.of(stepNumber(2))];
    await turn();
    expect(begun.map(({ step }) => step)).toEqual([1]);
    begun[0]?.end("one");
    await turn();
    expect(saves.newest).toEqual({ step: 1, path: "one", time: 5 });
    begun[1]?.end("two");
    expect(await Promise.all(both)).toEqual(both.map(() => ({ step: 2, path: "two", time: 5 })));
    expect(told).toEqual(["saved 1", "saved 2"]);
    expect(await saves.of(stepNumber(2))).toMatchObject({ path: "two" });
  });

  it("that cannot be written fail for everyone who waits, and do not block the next one", async () => {
    const { saves, begun, told } = opened();
    saves.write(state(1));
    const first = saves.of(stepNumber(1));
    saves.write(state(2));
    await turn();
    begun[0]?.fail(new Error("no space left"));
    await expect(first).rejects.toMatchObject({
      code: "storage",
      message: expect.stringContaining("step 1") as string,
    });
    await turn();
    begun[1]?.end("two");
    expect(await saves.of(stepNumber(2))).toMatchObject({ path: "two" });
    expect(told).toEqual(["failed 1: storage", "saved 2"]);
  });
});

describe("callers that request a checkpoint", () => {
  it("all get the next one", async () => {
    const { saves, begun } = opened();
    const both = [saves.next(), saves.next()];
    saves.write(state(3));
    saves.give(stepNumber(3));
    await turn();
    begun[0]?.end("three");
    expect(await Promise.all(both)).toMatchObject(both.map(() => ({ step: 3, path: "three" })));
  });

  it("get an error if none is written before the end; a later request waits for another", async () => {
    const { saves, begun } = opened();
    saves.write(state(3));
    saves.give(stepNumber(3));
    const late = saves.next();
    await turn();
    begun[0]?.end("three");
    await turn();
    saves.close();
    await expect(late).rejects.toMatchObject({ code: "cluster", message: expect.stringContaining("ended") as string });
  });
});
