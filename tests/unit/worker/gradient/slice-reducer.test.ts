import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TreeSum, VectorPool, cover, root, vectorChecksum } from "../../../../src/collective/index.js";
import type { TreeNode, VectorDtype } from "../../../../src/collective/index.js";
import { shardIndex } from "../../../../src/ids.js";
import type { PeerOutput } from "../../../../src/rpc/index.js";
import { Contributions } from "../../../../src/worker/gradient/contributions.js";
import { startDataServer } from "../../../../src/worker/grpc/data-server.js";
import type { OpenDataServer } from "../../../../src/worker/grpc/data-server.js";
import { Peers } from "../../../../src/worker/grpc/peers.js";
import { SliceReducer } from "../../../../src/worker/gradient/slice-reducer.js";
import type { CollectFailure, Part, SliceReducerOptions } from "../../../../src/worker/gradient/slice-reducer.js";
import { bitsOf, gradientLike } from "../../collective/reference.js";

const size = 700;
const step = 9;
const node = (first: number, count: number): TreeNode => ({ first: shardIndex(first), count });
const gradientOf = (shard: number): Float32Array => gradientLike(size, shard + 1);

/** The sum of a node's shards, all of it, as the worker that computed them or the star's coordinator makes it. */
function sumOf(target: TreeNode, shards: number, precision: VectorDtype): Float32Array {
  const sum = new TreeSum(shards, { precision });
  for (let shard = target.first as number; shard < target.first + target.count; shard++)
    sum.add(node(shard, 1), gradientOf(shard));
  return sum.take(target);
}

/** Workers with real servers. What each holds is set a test. */
interface Worker {
  readonly peer: PeerOutput;
  readonly server: OpenDataServer;
  contributions: Contributions;
}

const workers: Worker[] = [];

beforeAll(async () => {
  for (const workerId of ["a", "b", "c"]) {
    const server = await startDataServer({ host: "127.0.0.1", port: 0, tls: false });
    const peer = { workerId, address: `127.0.0.1:${server.port}`, key: server.key, certificate: Buffer.alloc(0) };
    workers.push({ peer, server, contributions: new Contributions(new VectorPool(size)) });
  }
});

afterAll(() => Promise.all(workers.map(({ server }) => server.close())));

function serve(dtype: VectorDtype): void {
  for (const worker of workers) {
    const contributions = new Contributions(new VectorPool(size));
    worker.contributions = contributions;
    worker.server.serve({
      runId: "run",
      dtype,
      contribution: (of, wanted) => contributions.get(of, wanted),
      slice: () => undefined,
      replica: () => undefined,
      hold: (vector) => contributions.pool.hold(vector),
      onSent: () => undefined,
    });
  }
}

interface Reduction {
  readonly reducer: SliceReducer;
  readonly pool: VectorPool;
  /** Every vector that was made, and how often it was given back. */
  readonly vectors: Map<Float32Array, number>;
  readonly failures: CollectFailure[];
  readonly completed: Promise<Float32Array>;
  /** Resolves at the next failure. */
  nextFailure(): Promise<CollectFailure>;
}

/** Worker "a" reduces elements [offset, offset + length). */
function reduce(options: Partial<SliceReducerOptions> & Pick<SliceReducerOptions, "roundShards" | "dtype" | "pull">) {
  const vectors = new Map<Float32Array, number>();
  const pool = new (class extends VectorPool {
    override take(length?: number): Float32Array {
      const vector = super.take(length);
      vectors.set(vector, vectors.get(vector) ?? 0);
      return vector;
    }
    override give(vector: Float32Array): void {
      vectors.set(vector, vectors.get(vector)! + 1);
      super.give(vector);
    }
  })(size);
  let complete: (sum: Float32Array) => void;
  const completed = new Promise<Float32Array>((resolve) => (complete = resolve));
  const failures: CollectFailure[] = [];
  let failed: (failure: CollectFailure) => void = () => undefined;
  const reducer = new SliceReducer({
    step,
    slice: 1,
    offset: 0,
    length: size,
    pool,
    workerId: "a",
    own: (of, wanted) => workers[0]!.contributions.get(of, wanted),
    onComplete: (sum) => complete(sum),
    onFailed: (failure) => {
      failures.push(failure);
      failed(failure);
    },
    ...options,
  });
  const nextFailure = (): Promise<CollectFailure> => new Promise((resolve) => (failed = resolve));
  const reduction: Reduction = { reducer, pool, vectors, failures, completed, nextFailure };
  return reduction;
}

/** Cuts 0..shards-1 into contiguous ranges, and those into nodes: what leases and steals amount to. */
function contributionsOf(shards: number, cuts: readonly number[]): TreeNode[] {
  const bounds = [...new Set([0, shards, ...cuts.map((cut) => cut % shards)])].sort((a, b) => a - b);
  return bounds.slice(0, -1).flatMap((first, index) => cover(shardIndex(first), bounds[index + 1]! - first, shards));
}

describe("a slice summed from many workers has the bits of the star's sum", () => {
  const plans = fc.integer({ min: 1, max: 24 }).chain((shards) =>
    fc.record({
      shards: fc.constant(shards),
      dtype: fc.constantFrom<VectorDtype>("float32", "bfloat16"),
      // Two cuttings: overlaps, nested nodes and repetitions.
      cuts: fc.tuple(fc.array(fc.nat(shards), { maxLength: 6 }), fc.array(fc.nat(shards), { maxLength: 6 })),
      holders: fc.infiniteStream(fc.nat(2)),
      order: fc.infiniteStream(fc.nat()),
      failing: fc.infiniteStream(fc.nat(5)),
      offset: fc.nat(size - 1),
      length: fc.nat(size - 1),
    }),
  );

  it("in any order, with repetitions and failures", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async ({ shards, dtype, cuts, holders, order, failing, ...range }) => {
        serve(dtype);
        const offset = range.offset;
        const length = 1 + (range.length % (size - offset));
        const parts = cuts
          .flatMap((places) => contributionsOf(shards, places))
          .map((at) => ({
            node: at,
            worker: workers[holders.next().value as number]!,
          }));
        for (const part of parts) part.worker.contributions.put(step, part.node, sumOf(part.node, shards, dtype));
        const peers = new Peers("run", dtype);
        const reduction = reduce({
          roundShards: shards,
          dtype,
          offset,
          length,
          // Some pulls fail, before or after something came.
          pull: async (peer, wanted, into, options) => {
            const choice = failing.next().value as number;
            if (choice === 0) throw new Error("the connection broke");
            const checksum = await peers.pullContribution(peer, wanted, into, options);
            if (choice !== 1) return checksum;
            into.fill(Number.NaN);
            throw new Error("a chunk was damaged");
          },
          onFailed: ({ node: missing, source }) =>
            setImmediate(() => reduction.reducer.collect([announced(missing, source)])),
        });
        const announced = (at: TreeNode, source: PeerOutput): Part => {
          const slice = sumOf(at, shards, dtype).subarray(offset, offset + length);
          return { node: at, source, checksum: vectorChecksum(slice, dtype) };
        };
        const waiting = [...parts, ...parts.slice(0, 3)];
        while (waiting.length > 0) {
          const [part] = waiting.splice(order.next().value % waiting.length, 1);
          reduction.reducer.collect([announced(part!.node, part!.worker.peer)]);
        }
        const sum = await reduction.completed;
        const star = sumOf(root(shards), shards, dtype).slice(offset, offset + length);
        expect(bitsOf(sum)).toEqual(bitsOf(star));
        expect(reduction.reducer.result).toBe(sum);
        reduction.reducer.close();
        peers.close();
        // Contributions are left as they were.
        for (const part of parts)
          expect(bitsOf(part.worker.contributions.get(step, part.node)!)).toEqual(
            bitsOf(sumOf(part.node, shards, dtype)),
          );
      }),
      { numRuns: 60 },
    );
  });
});

/** Pulls that a test lets through one by one. */
function manualPulls() {
  const started: { source: string; node: TreeNode; addend: boolean; finish: () => void; fail: () => void }[] = [];
  const pull: SliceReducerOptions["pull"] = (peer, wanted, into, { addend, signal }) =>
    new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new Error("given up")));
      const finish = (): void => {
        const values = sumOf(wanted.node, 16, "float32");
        into.set(addend === undefined ? values : values.map((value, index) => value + addend[index]!));
        resolve(1);
      };
      const fail = (): void => reject(new Error("it broke"));
      started.push({ source: peer.workerId, node: wanted.node, addend: addend !== undefined, finish, fail });
    });
  return { started, pull };
}

const peer = (workerId: string): PeerOutput => ({ workerId, address: "", key: "", certificate: Buffer.alloc(0) });
const part = (at: TreeNode, from: string): Part => ({ node: at, source: peer(from), checksum: 1 });
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("pulls are kept to a minimum", () => {
  it("at most one per worker and four in total, and the rest as soon as possible", async () => {
    const { started, pull } = manualPulls();
    const { reducer } = reduce({ roundShards: 16, dtype: "float32", pull });
    for (let shard = 0; shard < 12; shard++) reducer.collect([part(node(shard, 1), `w${shard % 6}`)]);
    expect(started.map(({ source }) => source)).toEqual(["w0", "w1", "w2", "w3"]);
    started[1]!.finish();
    await settled();
    // The first that may: w4's, before w1's second.
    expect(started.slice(4).map(({ node: at }) => at.first)).toEqual([4]);
    started[0]!.finish();
    started[4]!.finish();
    await settled();
    expect(started.slice(5).map(({ node: at }) => at.first)).toEqual([5, 6]);
    reducer.close();
  });

  it("skips sums that it has or is receiving, and cancels pulls of those that arrived from elsewhere", async () => {
    const { started, pull } = manualPulls();
    const { reducer, failures } = reduce({ roundShards: 16, dtype: "float32", pull });
    reducer.collect([part(node(0, 2), "b")]);
    reducer.collect([part(node(0, 2), "b")]);
    reducer.collect([part(node(0, 2), "c")]);
    reducer.collect([part(node(1, 1), "c")]);
    expect(started).toHaveLength(1);
    reducer.collect([part(node(0, 4), "d")]);
    started[1]!.finish();
    await settled();
    expect(started).toHaveLength(2);
    expect(failures).toEqual([]);
    reducer.collect([part(node(2, 1), "c")]);
    expect(started).toHaveLength(2);
    reducer.close();
  });

  it("uses another source if a pull fails", async () => {
    const { started, pull } = manualPulls();
    const { reducer, failures } = reduce({ roundShards: 16, dtype: "float32", pull });
    reducer.collect([part(node(0, 2), "b")]);
    reducer.collect([part(node(0, 2), "c")]);
    started[0]!.fail();
    await settled();
    expect(failures).toMatchObject([{ node: node(0, 2), source: { workerId: "b" }, reason: "it broke" }]);
    expect(started.map(({ source }) => source)).toEqual(["b", "c"]);
    reducer.close();
  });

  it("uses another source if a sum is not the one that was announced, and says whose it was", async () => {
    const { started, pull } = manualPulls();
    const { reducer, failures } = reduce({ roundShards: 16, dtype: "float32", pull });
    reducer.collect([{ ...part(node(0, 2), "b"), checksum: 2 }]);
    reducer.collect([part(node(0, 2), "c")]);
    started[0]!.finish();
    await settled();
    const reason = "what b sent is not what it announced";
    expect(failures).toMatchObject([{ node: node(0, 2), source: { workerId: "b" }, reason }]);
    expect(started.map(({ source }) => source)).toEqual(["b", "c"]);
    reducer.close();
  });

  it("adds a sum to its sibling as it arrives", async () => {
    serve("float32");
    const { started, pull } = manualPulls();
    const { reducer, completed } = reduce({ roundShards: 16, dtype: "float32", pull });
    workers[0]!.contributions.put(step, node(0, 8), sumOf(node(0, 8), 16, "float32"));
    reducer.collect([part(node(0, 8), "a")]);
    reducer.collect([part(node(8, 8), "b")]);
    expect(started).toMatchObject([{ addend: true }]);
    started[0]!.finish();
    expect(bitsOf(await completed)).toEqual(bitsOf(sumOf(root(16), 16, "float32")));
    reducer.close();
  });
});

describe("errors are reported, and leave nothing behind", () => {
  it("its own part that it does not hold", () => {
    serve("float32");
    const { reducer, failures } = reduce({ roundShards: 16, dtype: "float32", pull: manualPulls().pull });
    reducer.collect([part(node(0, 8), "a")]);
    expect(failures).toMatchObject([{ node: node(0, 8), reason: "this worker does not hold it" }]);
    reducer.close();
  });

  it("a node of another tree", () => {
    const { reducer } = reduce({ roundShards: 16, dtype: "float32", pull: manualPulls().pull });
    expect(() => reducer.collect([part(node(1, 2), "b")])).toThrow("not a node");
    reducer.close();
  });

  it("a close: pulls end, every vector is released once, and no more are accepted", async () => {
    const { started, pull } = manualPulls();
    const { reducer, vectors, failures } = reduce({ roundShards: 16, dtype: "float32", pull });
    for (const [index, source] of ["b", "c", "d", "e", "f"].entries())
      reducer.collect([part(node(index * 2, 2), source)]);
    started[0]!.finish();
    await settled();
    reducer.close();
    await settled();
    reducer.collect([part(node(12, 2), "g")]);
    expect(started).toHaveLength(5);
    expect(failures).toEqual([]);
    expect([...vectors.values()]).toEqual([1, 1, 1, 1, 1]);
    expect(reducer.result).toBeUndefined();
  });
});
