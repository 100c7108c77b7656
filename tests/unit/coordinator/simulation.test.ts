import { describe, expect, it } from "vitest";
import { verifyRule } from "../../../src/coordinator/machine/index.js";
import { ClusterSimulation } from "../../support/simulation/cluster.js";
import type { SimulationOptions } from "../../support/simulation/cluster.js";
import { generator, randomCluster } from "../../support/simulation/random-cluster.js";

const equal = (count: number, seconds = 0.5): number[] => Array.from({ length: count }, () => seconds);

/** Runs to the end; whatever happens every step is committed once with the canonical sum (the simulation checks that). */
async function complete(options: SimulationOptions): Promise<ClusterSimulation> {
  const simulation = new ClusterSimulation(options);
  expect(await simulation.run()).toEqual({ kind: "completed" });
  expect(simulation.committed).toBe(options.settings.totalSteps);
  return simulation;
}

const completeWith = (options: Omit<SimulationOptions, "random">, seed = 1): Promise<ClusterSimulation> =>
  complete({ ...options, random: generator(seed) });

/** Clusters of the random test, and the seed of the first: the same seed makes the same cluster. */
const clusters = Number(process.env["COXSWAIN_SIMULATED_CLUSTERS"] ?? 40);
const firstSeed = Number(process.env["COXSWAIN_SIMULATION_SEED"] ?? 1);

describe("whatever fails", () => {
  it(
    "every step is committed in order with the canonical sum, and every evaluation is on record once",
    { timeout: 60_000 + clusters * 1_000 },
    async () => {
      for (let seed = firstSeed; seed < firstSeed + clusters; seed++) {
        try {
          const { invariants } = await complete(randomCluster(seed));
          expect(invariants.evaluations).toEqual([3, 6, 9, 10].filter((step) => !invariants.gaps.has(step)));
        } catch (error) {
          throw new Error(`COXSWAIN_SIMULATED_CLUSTERS=1 COXSWAIN_SIMULATION_SEED=${seed}`, { cause: error });
        }
      }
    },
  );

  it("a run with a hundred workers ends, some of which die, freeze and are slow", async () => {
    const speeds = Array.from({ length: 100 }, (_, index) => [0.5, 0.7, 2][index % 3] ?? 1);
    const simulation = await completeWith({
      settings: { totalSteps: 6, shards: 400 },
      workers: speeds,
      deathsEvery: 1_000,
      freezesEvery: 2_000,
      coordinatorDeathsEvery: 15_000,
      latency: [1, 20],
    });
    expect(simulation.count("lost")).toBeGreaterThan(3);
  });
});

describe("the best evaluation", () => {
  it(
    "is the same whatever fails, is on disk at the end, and training stops after the same step",
    { timeout: 60_000 + clusters * 1_000 },
    async () => {
      let recovered = 0;
      for (let seed = firstSeed; seed < firstSeed + clusters; seed++) {
        const random = randomCluster(seed);
        const settings = { ...random.settings, totalSteps: 40, saveSteps: 7, evalSteps: 2 };
        const best = { metric: "eval_loss", patience: 1 + (seed % 7), threshold: 0.01, load: true } as const;
        const undisturbed = {
          random: generator(seed),
          workers: [0.1],
          best,
          settings,
          dtype: random.dtype ?? "float32",
        };
        try {
          const expected = new ClusterSimulation(undisturbed);
          expect(await expected.run()).toEqual({ kind: "completed" });
          const faulty = new ClusterSimulation({ ...random, settings, best });
          expect(await faulty.run()).toEqual({ kind: "completed" });
          expect(faulty.best).toEqual(expected.best);
          expect(faulty.committed).toBe(expected.committed);
          expect(faulty.saved).toContain(faulty.best?.best?.step);
          recovered += faulty.count("recovered");
        } catch (error) {
          throw new Error(`COXSWAIN_SIMULATED_CLUSTERS=1 COXSWAIN_SIMULATION_SEED=${seed}`, { cause: error });
        }
      }
      expect(recovered).toBeGreaterThan(0);
    },
  );
});

describe("mixed hardware", () => {
  it("with speeds 1, 1 and 1/4 is within 15 % of the ideal from the second step on", async () => {
    const shards = 36;
    const simulation = await completeWith({ settings: { totalSteps: 12, shards }, workers: [0.25, 0.25, 1] });
    // 16, 16 and 4 shards, each of which takes 0.25, 0.25 and 1 s.
    const ideal = 4_000;
    const times = simulation.stepTimes.slice(1);
    expect(Math.max(...times)).toBeLessThan(1.15 * ideal);
  });

  it("does not delay a step if one worker becomes slow or stops for a while", async () => {
    const simulation = await completeWith({
      settings: { totalSteps: 20, shards: 32 },
      workers: equal(4, 0.25),
      freezesEvery: 8_000,
      freezeFor: 6_000,
    });
    // 8 shards of 0.25 s each. A worker that stops with a sum that was announced costs the 5 s of a stalled pull.
    expect(Math.max(...simulation.stepTimes)).toBeLessThan(2_000 + 5_000 + 1_500);
  });
});

describe("a mesh", () => {
  it("whose reducers die needs no star, and recomputes only what they held", async () => {
    const simulation = await completeWith({
      settings: { totalSteps: 30, shards: 24, reducers: (count) => count },
      workers: equal(4, 0.2),
      deathsEvery: 1_500,
    });
    expect(simulation.count("meshFailed")).toBe(0);
    expect(simulation.count("reduceSlice")).toBeGreaterThan(30 * 3);
  });
});

describe("a worker that is asked to leave", () => {
  it("hands over what it has computed", async () => {
    const simulation = await completeWith({
      settings: { totalSteps: 20, shards: 16 },
      workers: equal(4, 0.2),
      drainsEvery: 3_000,
    });
    expect(simulation.count("dismiss")).toBeGreaterThan(3);
    expect(simulation.count("lost")).toBe(0);
  });
});

describe("pausing, resuming and saving", () => {
  it("remove no worker, and change no step", async () => {
    const settings = { totalSteps: 30, shards: 8, saveSteps: 1000, evalSteps: 5, evaluationShards: 2 };
    const simulation = await completeWith({
      settings,
      workers: equal(3, 0.2),
      pausesEvery: 4_000,
      pauseFor: 30_000,
      checkpointsEvery: 1_500,
    });
    expect(simulation.count("paused")).toBeGreaterThan(3);
    expect(simulation.count("resumed")).toBe(simulation.count("paused"));
    expect(simulation.checkpoints.length).toBeGreaterThan(10);
    expect(simulation.count("drop")).toBe(0);
    expect(simulation.count("lost")).toBe(0);
    // Asking again for what is saved writes nothing.
    expect(simulation.count("save")).toBe(new Set([...simulation.checkpoints, settings.totalSteps]).size);
  });
});

describe("verification", () => {
  const key = new Uint8Array(32);
  const lie = (gradient: Float32Array): void => void (gradient[0] = Math.fround((gradient[0] ?? 0) + 1));
  const putOut = ({ invariants }: ClusterSimulation): unknown[] =>
    invariants.events.filter(({ event }) => event === "worker_put_out").map(({ worker }) => worker);

  it.each([1, 0.3, 0.02])("of the share %d computes about so many shards twice, and changes no bit", async (share) => {
    const [totalSteps, shards] = [40, 24];
    const settings = { totalSteps, shards, saveSteps: 1000, verifies: verifyRule(share, key) };
    const simulation = await completeWith({ settings, workers: equal(4, 0.1) });
    const { length: events } = simulation.invariants.events.filter(({ event }) => event === "worker_put_out");
    expect(events).toBe(0);
    const verified = simulation.invariants.verified / (totalSteps * shards);
    expect(verified).toBeGreaterThan(share / 3);
    expect(verified).toBeLessThanOrEqual(Math.min(1, 3 * share));
  });

  it.each([
    ["a gradient", lie],
    ["a loss", (_: Float32Array, result: { lossSum: number }) => void (result.lossSum += 1e-9)],
  ])("puts out a worker that lies about %s, and the run ends with the right bits", async (_, liar) => {
    const settings = { totalSteps: 12, shards: 24, verifies: verifyRule(1, key) };
    const simulation = await completeWith({ settings, workers: equal(4, 0.1), liars: { 2: liar } });
    expect(putOut(simulation)).toEqual([expect.stringMatching(/^w2/)]);
    expect(simulation.count("undecided")).toBe(0);
  });

  it("puts out a worker that lies rarely, at its first lie", async () => {
    let computed = 0;
    const rarely = (gradient: Float32Array): void => {
      if (++computed === 20) lie(gradient);
    };
    const settings = { totalSteps: 12, shards: 24, verifies: verifyRule(1, key) };
    const simulation = await completeWith({ settings, workers: equal(4, 0.1), liars: { 1: rarely } });
    expect(putOut(simulation)).toEqual([expect.stringMatching(/^w1/)]);
  });

  it("names both of two workers that differ, and waits for a third, which decides", async () => {
    const settings = { totalSteps: 6, shards: 8, verifies: verifyRule(1, key) };
    const simulation = new ClusterSimulation({
      settings,
      random: generator(1),
      workers: equal(2, 0.1),
      liars: { 0: lie },
      lateWorkers: [{ after: 30_000, seconds: 0.1 }],
    });
    expect(await simulation.run()).toEqual({ kind: "completed" });
    expect(simulation.committed).toBe(6);
    const [undecided] = simulation.invariants.events.filter(({ event }) => event === "verification_undecided");
    expect([...(undecided?.["workers"] as string[])].sort()).toEqual(["w0.0", "w1.0"]);
    expect(putOut(simulation)).toEqual(["w0.0"]);
  });

  it("ends every run with the right bits, whatever else fails", { timeout: 60_000 + clusters * 1_000 }, async () => {
    let caught = 0;
    for (let seed = firstSeed; seed < firstSeed + clusters; seed++) {
      const random = randomCluster(seed);
      const verifies = verifyRule(1, key);
      // No two lies are the same: a process that takes the place of a dead liar does not confirm it.
      let lies = 1;
      const liar = (gradient: Float32Array): void => void (gradient[0] = 10_000 * lies++);
      try {
        const simulation = await complete({
          ...random,
          settings: { ...random.settings, verifies },
          workers: [...random.workers, ...equal(3, 0.3)],
          liars: { 0: liar },
        });
        caught += putOut(simulation).length;
        for (const id of putOut(simulation)) expect(simulation.placeOf(String(id))).toBe(0);
      } catch (error) {
        throw new Error(`COXSWAIN_SIMULATED_CLUSTERS=1 COXSWAIN_SIMULATION_SEED=${seed}`, { cause: error });
      }
    }
    expect(caught).toBeGreaterThan(0);
  });
});

describe("the coordinator", () => {
  it("loses no committed step while workers live, however often it is killed", async () => {
    const simulation = await completeWith({
      settings: { totalSteps: 40, shards: 8, saveSteps: 1000 },
      workers: equal(3, 0.2),
      coordinatorDeathsEvery: 2_500,
    });
    expect(simulation.life).toBeGreaterThan(5);
    expect(simulation.invariants.lost).toBe(0);
  });
});
