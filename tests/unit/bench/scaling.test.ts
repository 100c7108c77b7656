/** docs/scaling.md: its formulas say what the simulation of the real state machine and slice reducers shows. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  contributionsOf,
  links,
  mesh,
  reducersOf,
  scenarioOf,
  simulate,
  standIn,
  star,
  twoLevelMesh,
} from "../../../bench/scaling/index.mjs";
import type { Costs, Product, Scenario } from "../../../bench/scaling/index.mjs";
import { cover } from "../../../src/collective/index.js";
import { reducersRule } from "../../../src/coordinator/gradient/all-reduce.js";
import { ClusterMachine } from "../../../src/coordinator/machine/index.js";
import { proportionalParts } from "../../../src/coordinator/machine/plan.js";
import { shardIndex } from "../../../src/ids.js";
import { coordinatorService } from "../../../src/rpc/index.js";
import { LeasePlan } from "../../../src/worker/machine/lease-plan.js";
import { SliceReducer } from "../../../src/worker/gradient/slice-reducer.js";

const product: Product = {
  ClusterMachine,
  LeasePlan,
  SliceReducer,
  coordinatorMessageBytes: (message) => coordinatorService.Attend.responseSerialize(message).length,
  workerMessageBytes: (message) => coordinatorService.Attend.requestSerialize(message).length,
};

const modelOf = (scenario: Scenario): Costs => (scenario.reducers === 0 ? star : mesh)(scenario);

/** How far one is from the other, as a share. */
const off = (model: number, simulated: number): number => Math.abs(model / simulated - 1);

describe("the cost model", () => {
  const points = [
    [8, 1e6, "lan", "star"],
    [8, 1e6, "lan", "mesh"],
    [8, 5e6, "lan", "mesh"],
    [8, 5e6, "wan", "star"],
    [8, 5e6, "wan", "mesh"],
    [64, 1e6, "lan", "star"],
    [64, 1e6, "lan", "mesh"],
  ] as const;

  it.each(points)(
    "matches the simulation with %i workers, %i floats, %s, %s",
    async (workers, floats, link, scheme) => {
      const scenario = scenarioOf({ workers, floats, dtype: "float32", link: links[link], scheme, steps: 1 });
      // The same, as the last test shows, and sooner done.
      const modules = workers > 8 ? { ...product, SliceReducer: standIn("product") } : product;
      const simulated = await simulate(modules, scenario);
      const model = modelOf(scenario);
      expect(simulated.lost).toBe(0);
      expect(off(model.reductionSeconds, simulated.reductionSeconds), "seconds").toBeLessThan(0.15);
      expect(off(model.coordinator.cpuSeconds, simulated.coordinator.cpuSeconds), "coordinator").toBeLessThan(0.15);
      expect(off(model.worker.cpuSeconds, simulated.worker.cpuSeconds), "worker").toBeLessThan(0.15);
      expect(off(model.worker.bytesIn, simulated.worker.bytesIn), "bytes in").toBeLessThan(0.002);
      expect(off(model.worker.bytesOut, simulated.worker.bytesOut), "bytes out").toBeLessThan(0.002);
      expect(simulated.coordinator.bytesIn / model.coordinator.bytesIn).toBeCloseTo(1, 9);
      expect(simulated.coordinator.bytesOut).toBeCloseTo(model.coordinator.bytesOut, 0);
      expect(simulated.calls).toBe(model.calls);
    },
  );

  it("matches the simulation in bfloat16, and when a lease takes several nodes of the tree", async () => {
    const scenario = {
      ...scenarioOf({ workers: 8, floats: 5e6, dtype: "bfloat16", link: links.lan, scheme: "star", steps: 1 }),
      shards: 24,
    };
    const simulated = await simulate(product, scenario);
    const model = star(scenario);
    expect(simulated.coordinator.bytesIn / model.coordinator.bytesIn).toBeCloseTo(1, 9);
    expect(model.coordinator.bytesIn).toBeGreaterThan(8 * 5e6 * 2);
    expect(off(model.coordinator.cpuSeconds, simulated.coordinator.cpuSeconds)).toBeLessThan(0.15);
  });

  it("counts the nodes of leases like the tree", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 200 }), (workers, more) => {
        const shards = workers + more;
        const counts = proportionalParts(shards, new Array<number>(workers).fill(1));
        let at = 0;
        const expected = counts.reduce((sum, count) => {
          const nodes = cover(shardIndex(at), count, shards).length;
          at += count;
          return sum + nodes;
        }, 0);
        expect(contributionsOf(shards, workers)).toBe(expected);
      }),
    );
  });

  it("uses as many reducers as the product", () => {
    for (const workers of [3, 8, 64, 512])
      for (const floats of [1e6, 5e6, 80e6])
        expect(reducersOf(workers, floats)).toBe(reducersRule("mesh", floats)(workers));
  });

  it("moves the same number of bytes in two levels as in one", () => {
    // Slices of whole blocks that are all alike.
    const floats = 64 * 20 * 4096;
    const scenario = scenarioOf({ workers: 64, floats, dtype: "float32", link: links.lan, scheme: "mesh" });
    const one = mesh({ ...scenario, reducers: 64 });
    const two = twoLevelMesh({ ...scenario, group: 8 });
    expect(two.worker.bytesIn).toBeCloseTo(one.worker.bytesIn, 0);
    expect(two.calls).toBeLessThan(one.calls / 2);
  });
});

describe("the stand-in for the slice reducer", () => {
  it("makes the same pulls at the same time", async () => {
    for (const link of [links.lan, links.wan]) {
      const scenario = scenarioOf({ workers: 16, floats: 5e6, dtype: "float32", link, scheme: "mesh", steps: 1 });
      const [real, standing] = [
        await simulate(product, scenario),
        await simulate({ ...product, SliceReducer: standIn("product") }, scenario),
      ];
      expect(standing.stepSeconds).toBe(real.stepSeconds);
      expect(standing.worker).toEqual(real.worker);
    }
  });
});
