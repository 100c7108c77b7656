/** What a worker refuses of its coordinator before it computes, counts or connects with it. */
import { describe, expect, it } from "vitest";
import { packInts } from "../../../../src/rpc/index.js";

import { errorOf } from "../../../support/errors.js";
import { readMessage } from "../../../../src/worker/membership/read-message.js";

const read = (message: object) => readMessage(message);

const tokens = (count: number) => packInts(new Int32Array(count));
const row = (more: object = {}) => ({ inputIds: tokens(3), labels: tokens(3), segments: [1, 2], ...more });
const lease = (more: object = {}) => ({
  lease: {
    task: "TASK_TRAIN",
    step: 1,
    first: 2,
    shards: [{ rows: [row()] }],
    roundShards: 4,
    push: false,
    slices: [],
    ...more,
  },
});
const leaseOf = (...rows: object[]) => lease({ shards: [{ rows }] });
const peer = (more: object = {}) => ({
  workerId: "other",
  address: "127.0.0.1:9",
  key: "k",
  certificate: Buffer.alloc(0),
  ...more,
});
const collect = (source: object | null) => ({
  collect: { step: 1, slice: 0, parts: [{ first: 0, count: 1, source }] },
});
const commit = (reducer: object | null, step = 1, more: object = {}) => ({
  commit: { step, learningRate: 0.1, scale: 1, slices: [{ offset: 0, length: 1, reducer }], ...more },
});
const slice = (offset: number, length: number) => ({ offset, length, reducer: null, checksum: 1 });
const reduce = (more: object = {}) => ({
  reduce: { step: 1, slice: 0, offset: 4, length: 4, roundShards: 4, ...more },
});
const welcome = (silenceTimeoutMs: number, runId = "run", sessionKey = "key") => ({
  welcome: { runId, silenceTimeoutMs, sessionKey },
});

describe("a worker takes from its coordinator", () => {
  it.each([
    ["a lease", lease()],
    ["the last shard of a round", lease({ first: 3 })],
    ["a commit whose slices the coordinator has", commit(null)],
    ["a peer whose address it knows", commit(peer({ address: "", key: "", certificate: Buffer.alloc(0) }))],
    ["a peer with an address", collect(peer())],
    ["a slice", reduce()],
    ["a lease in a mesh", lease({ slices: [0, 4096, 8192] })],
    ["a commit of a mesh", commit(null, 1, { slices: [slice(0, 4), slice(4, 2)] })],
    ["a welcome", welcome(1_000)],
  ])("%s", (_, message) => expect(read(message)?.type).toBe(Object.keys(message)[0]));
});

describe("a worker refuses, and says so", () => {
  it.each([
    ["a lease without shards", lease({ shards: [] }), "a lease of step 1 with shards 2 to 1 of 4"],
    ["shards beyond the round", lease({ first: 4 }), "a lease of step 1 with shards 4 to 4 of 4"],
    ["a round without shards", lease({ roundShards: 0 }), "a lease of step 1 with shards 2 to 2 of 0"],
    ["a step that is no exact number", lease({ step: 2 ** 60 }), `a lease of step ${2 ** 60}`],
    ["a shard without rows", leaseOf(), "a lease of step 1 whose shard 2 has no rows or damaged ones"],
    ["half a token", leaseOf(row({ inputIds: Buffer.alloc(7) })), "whose shard 2 has no rows or damaged ones"],
    ["a token without a label", leaseOf(row({ labels: tokens(2) })), "whose shard 2 has no rows or damaged ones"],
    ["examples longer than their row", leaseOf(row(), row({ segments: [4e9, 4e9] })), "whose shard 2 has no rows"],
    ["a row without tokens", leaseOf({ inputIds: tokens(0), labels: tokens(0), segments: [] }), "whose shard 2 has no"],
    ["a task of a newer version", lease({ task: 99 }), "TASK 99"],
    ["an address that is none", collect(peer({ address: "no port\u001b" })), 'certificate of worker "other"'],
    ["a key that no header can have", commit(peer({ key: "a\nb" })), 'certificate of worker "other"'],
    ["a certificate that is none", collect(peer({ certificate: Buffer.from("x") })), 'certificate of worker "other"'],
    ["a commit of a step that is no exact number", commit(null, 2 ** 60), `a commit of step ${2 ** 60}`],
    ["a learning rate that is none", commit(null, 1, { learningRate: Number.NaN }), "with the learning rate NaN"],
    ["a negative learning rate", commit(null, 1, { learningRate: -1 }), "with the learning rate -1"],
    ["an infinite scale", commit(null, 1, { scale: Infinity }), "the scale Infinity"],
    ["a commit with a gap", commit(null, 1, { slices: [slice(0, 4), slice(5, 2)] }), "elements 5+2 after 4"],
    ["a commit with an overlap", commit(null, 1, { slices: [slice(0, 4), slice(3, 2)] }), "elements 3+2 after 4"],
    ["a commit with an empty slice", commit(null, 1, { slices: [slice(0, 0)] }), "elements 0+0 after 0"],
    ["a commit beyond what can be counted", commit(null, 1, { slices: [slice(0, 2 ** 60)] }), "after 0"],
    ["slices that do not begin at 0", lease({ slices: [1, 2] }), "slices that do not ascend from 0"],
    ["slices that do not ascend", lease({ slices: [0, 2, 2] }), "slices that do not ascend from 0"],
    ["countless slices", lease({ slices: Array.from({ length: 70_000 }, (_, at) => at) }), "slices that do not ascend"],
    ["a silence of days", welcome(86_400_000), "a welcome with a silence timeout of 86400000 ms"],
    ["a slice of a round without shards", reduce({ roundShards: 0 }), "a slice of step 1 with elements 4+4"],
    ["a slice beyond what can be counted", reduce({ length: 2 ** 60 }), "a slice of step 1 with elements 4+"],
    ["a run without an id", welcome(1_000, ""), 'a welcome with the run id ""'],
    ["a run id that no header can have", welcome(1_000, "a\nb"), 'a welcome with the run id "a\\nb"'],
    ["a welcome without a key", welcome(1_000, "run", ""), "a welcome without a usable session key"],
    ["a key that a header cannot contain", welcome(1_000, "run", "a\nb"), "a welcome without a usable session key"],
    ["an endless key", welcome(1_000, "run", "k".repeat(301)), "a welcome without a usable session key"],
    ["silence that no heartbeat can break", welcome(0), "a welcome with a silence timeout of 0 ms"],
  ])("%s", (_, message, text) =>
    expect(errorOf(() => read(message))).toMatchObject({
      code: "network",
      message: expect.stringContaining(text) as string,
      hint: expect.stringContaining("same version") as string,
    }),
  );
});
