/** docs/scaling.md: its formulas say what the simulation of the real coordinator and workers shows. */
import { describe, expect, it } from "vitest";
import { links, mesh, scenarioOf, simulate, star, twoLevelMesh } from "../../../bench/scaling/index.js";
import type { Costs, Scenario } from "../../../bench/scaling/index.js";

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
      const scenario = scenarioOf({
        workers,
        floats,
        dtype: "float32",
        link: links[link],
        scheme,
        steps: workers > 8 ? 1 : 4,
      });
      const simulated = await simulate(scenario);
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
    const simulated = await simulate(scenario);
    const model = star(scenario);
    expect(simulated.coordinator.bytesIn / model.coordinator.bytesIn).toBeCloseTo(1, 9);
    expect(model.coordinator.bytesIn).toBeGreaterThan(8 * 5e6 * 2);
    expect(off(model.coordinator.cpuSeconds, simulated.coordinator.cpuSeconds)).toBeLessThan(0.15);
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
