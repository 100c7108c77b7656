import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ClusterSimulation } from "../../support/cluster-simulation.js";
import type { SimulationOptions } from "../../support/cluster-simulation.js";

/** A stream of random numbers that fast-check can shrink and replay: its seed is printed when a run fails. */
const generator = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

const equal = (count: number, seconds = 0.5): number[] => Array.from({ length: count }, () => seconds);

/** Runs to the end; whatever happens every step is committed once with the canonical sum (the simulation checks that). */
function complete(options: Omit<SimulationOptions, "random">, seed = 1): ClusterSimulation {
  const simulation = new ClusterSimulation({ ...options, random: generator(seed) });
  expect(simulation.run()).toEqual({ kind: "completed" });
  expect(simulation.committed).toBe(options.settings.totalSteps);
  return simulation;
}

describe("whatever happens", () => {
  it("every step is committed in order with the canonical sum, and every evaluation is made", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer(),
          workers: fc.array(fc.constantFrom(0.1, 0.3, 1), { minLength: 1, maxLength: 9 }),
          shards: fc.integer({ min: 1, max: 40 }),
          mesh: fc.boolean(),
          deathsEvery: fc.constantFrom(undefined, 3_000, 20_000),
          freezesEvery: fc.constantFrom(undefined, 5_000),
          freezeFor: fc.constantFrom(1_000, 8_000, 20_000),
          coordinatorDeathsEvery: fc.constantFrom(undefined, 8_000),
          pausesEvery: fc.constantFrom(undefined, 2_500, 9_000),
          pauseFor: fc.constantFrom(50, 4_000, 40_000),
          checkpointsEvery: fc.constantFrom(undefined, 400, 5_000),
          losses: fc.constantFrom(0, 0.05),
          latency: fc.constantFrom([0.2, 2] as const, [5, 200] as const),
          unreachable: fc.constantFrom([], [0]),
        }),
        ({ seed, mesh, shards, deathsEvery, freezesEvery, coordinatorDeathsEvery, ...rest }) => {
          const { pausesEvery, checkpointsEvery, ...others } = rest;
          const simulation = complete(
            {
              settings: {
                totalSteps: 10,
                saveSteps: 2,
                shards,
                evalSteps: 3,
                evaluationShards: 3,
                reducers: (count) => (mesh ? count : 0),
              },
              ...(deathsEvery === undefined ? {} : { deathsEvery }),
              ...(freezesEvery === undefined ? {} : { freezesEvery }),
              ...(coordinatorDeathsEvery === undefined ? {} : { coordinatorDeathsEvery }),
              ...(pausesEvery === undefined ? {} : { pausesEvery }),
              ...(checkpointsEvery === undefined ? {} : { checkpointsEvery }),
              ...others,
              faultsUntil: 60_000,
            },
            seed,
          );
          expect([...new Set(simulation.evaluations)]).toEqual([3, 6, 9, 10]);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("holds for hundreds of workers, some of which die, freeze and are slow", () => {
    const speeds = Array.from({ length: 300 }, (_, index) => [0.5, 0.7, 2][index % 3] ?? 1);
    const simulation = complete({
      settings: { totalSteps: 12, shards: 1200 },
      workers: speeds,
      deathsEvery: 400,
      freezesEvery: 1_000,
      coordinatorDeathsEvery: 20_000,
      latency: [1, 20],
    });
    expect(simulation.counts.get("lost") ?? 0).toBeGreaterThan(3);
  });
});

describe("mixed hardware", () => {
  it("of speeds 1, 1 and 1/4 ends within 15 % of the ideal, from the second step on", () => {
    const shards = 36;
    const simulation = complete({ settings: { totalSteps: 12, shards }, workers: [0.25, 0.25, 1] });
    // 16, 16 and 4 shards, each of which takes 0.25, 0.25 and 1 s.
    const ideal = 4_000;
    const times = simulation.stepTimes.slice(1);
    expect(Math.max(...times)).toBeLessThan(1.15 * ideal);
  });

  it("one that becomes slow, or stops for a while, does not hold up a step", () => {
    const simulation = complete({
      settings: { totalSteps: 20, shards: 32 },
      workers: equal(4, 0.25),
      freezesEvery: 8_000,
      freezeFor: 6_000,
    });
    // 8 shards of 0.25 s each. A worker that stops with a sum that was announced costs the 3 s of a stalled pull.
    expect(Math.max(...simulation.stepTimes)).toBeLessThan(2_000 + 3_000 + 1_500);
  });
});

describe("a mesh", () => {
  it("whose reducers die needs no star, and none of the rest of the step again", () => {
    const simulation = complete({
      settings: { totalSteps: 30, shards: 24, reducers: (count) => count },
      workers: equal(4, 0.2),
      deathsEvery: 1_500,
    });
    expect(simulation.counts.get("meshFailed") ?? 0).toBe(0);
    expect(simulation.counts.get("reduceSlice") ?? 0).toBeGreaterThan(30 * 3);
  });
});

describe("people who pause, go on and save", () => {
  it("cost no worker its place, and change no step", () => {
    const settings = { totalSteps: 30, shards: 8, saveSteps: 1000, evalSteps: 5, evaluationShards: 2 };
    const undisturbed = complete({ settings, workers: equal(3, 0.2) });
    const simulation = complete({
      settings,
      workers: equal(3, 0.2),
      pausesEvery: 4_000,
      pauseFor: 30_000,
      checkpointsEvery: 1_500,
    });
    expect(simulation.states).toEqual(undisturbed.states);
    expect(simulation.counts.get("paused") ?? 0).toBeGreaterThan(3);
    expect(simulation.counts.get("resumed")).toBe(simulation.counts.get("paused"));
    expect(simulation.checkpoints.length).toBeGreaterThan(10);
    expect(simulation.counts.get("drop") ?? 0).toBe(0);
    expect(simulation.counts.get("lost") ?? 0).toBe(0);
    // Asking again for what is saved writes nothing.
    expect(simulation.counts.get("save")).toBe(new Set([...simulation.checkpoints, settings.totalSteps]).size);
  });
});

describe("the coordinator", () => {
  it("killed again and again loses no committed step while workers live", () => {
    const simulation = complete({
      settings: { totalSteps: 40, shards: 8, saveSteps: 1000 },
      workers: equal(3, 0.2),
      coordinatorDeathsEvery: 2_500,
    });
    expect(simulation.life).toBeGreaterThan(5);
    expect(simulation.lost).toBe(0);
  });
});
