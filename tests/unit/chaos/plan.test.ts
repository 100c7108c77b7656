/** These tests protect: a failure under chaos that can be replayed, and faults when they were asked for. */
import { describe, expect, it } from "vitest";
import { completePlan, faultKinds, faultsOf, parseSlowness, planFlags } from "../../../src/chaos/plan.js";
import type { ChaosPlan, Fault } from "../../../src/chaos/plan.js";
import { createProgram } from "../../../src/cli/program.js";

const everything = completePlan({ every: {} }, 120);
const first = (count: number, plan: ChaosPlan, seed: number): Fault[] => {
  const faults: Fault[] = [];
  for (const fault of faultsOf(plan, seed)) if (faults.push(fault) === count) break;
  return faults;
};

describe("the faults of a plan", () => {
  it("are the same for the same seed, and differ for another", () => {
    expect(first(200, everything, 7)).toEqual(first(200, everything, 7));
    expect(first(10, everything, 8).map(({ time }) => time)).not.toEqual(
      first(10, everything, 7).map(({ time }) => time),
    );
  });

  it("of one kind are independent of other kinds", () => {
    const kills = (plan: ChaosPlan): Fault[] =>
      first(400, plan, 3)
        .filter(({ kind }) => kind === "kill-worker")
        .slice(0, 20);
    const alone = kills({ ...everything, every: { "kill-worker": everything.every["kill-worker"]! } });
    expect(kills(everything)).toEqual(alone);
  });

  it("are ordered by time, with intervals of 0.5 to 1.5 times the requested mean", () => {
    const faults = first(500, everything, 1);
    expect(faults.map(({ time }) => time)).toEqual(faults.map(({ time }) => time).sort((a, b) => a - b));
    for (const kind of faultKinds) {
      const times = [0, ...faults.filter((fault) => fault.kind === kind).map(({ time }) => time)];
      expect(times.length, kind).toBeGreaterThan(10);
      const gaps = times.slice(1).map((time, index) => time - times[index]!);
      const mean = everything.every[kind]!;
      expect(Math.min(...gaps), kind).toBeGreaterThanOrEqual(mean * 0.5);
      expect(Math.max(...gaps), kind).toBeLessThan(mean * 1.5);
    }
  });

  it("hit every worker, cut both ways and corrupt both directions, and always change the byte", () => {
    const faults = first(1000, everything, 5);
    const targets = faults.flatMap((fault) => ("target" in fault ? [Math.floor(fault.target * 4)] : []));
    expect([...new Set(targets)].sort()).toEqual([0, 1, 2, 3]);
    const cuts = faults.flatMap((fault) => (fault.kind === "cut" ? [fault.manner] : []));
    expect([...new Set(cuts)].sort()).toEqual(["reset", "silent"]);
    const corruptions = faults.filter((fault) => fault.kind === "corrupt");
    expect([...new Set(corruptions.map(({ direction }) => direction))].sort()).toEqual(["from-worker", "to-worker"]);
    for (const { mask, place } of corruptions) {
      expect(mask >= 1 && mask <= 255).toBe(true);
      expect(place >= 0 && place < 1).toBe(true);
    }
  });

  it("end after the duration, and are empty if none were requested", () => {
    const plan = completePlan({ every: { freeze: 2 }, duration: 10 }, 100);
    const faults = [...faultsOf(plan, 1)];
    expect(faults.length).toBeGreaterThanOrEqual(4);
    expect(faults.at(-1)!.time).toBeLessThanOrEqual(10);
    expect([...faultsOf(completePlan({ every: {}, slow: { factor: 2, workers: 1 } }, 100), 1)]).toEqual([]);
  });

  it("use all bits of seeds beyond 32 bits", () => {
    expect(first(3, everything, 2 ** 32 + 7)).not.toEqual(first(3, everything, 7));
  });
});

describe("a plan", () => {
  it("has every kind of fault if none is requested", () => {
    expect(Object.keys(everything.every).sort()).toEqual([...faultKinds].sort());
    expect(everything.slow).toEqual({ factor: 2, workers: 1 });
  });

  it("has only the requested faults", () => {
    expect(completePlan({ every: { cut: 4 }, cutFor: 1 }, 120)).toEqual({
      every: { cut: 4 },
      cutFor: 1,
      freezeFor: 5,
      restartAfter: 1,
      slow: null,
      duration: null,
    });
  });

  it("keeps the given settings of the default faults", () => {
    expect(completePlan({ every: {}, freezeFor: 9, duration: 30 }, 120)).toMatchObject({ freezeFor: 9, duration: 30 });
  });

  it("is printed as flags that give the same plan", async () => {
    const program = createProgram();
    const command = program.commands.find((registered) => registered.name() === "chaos")!;
    let options: Record<string, unknown> = {};
    command.action((_file: string, flags: Record<string, unknown>) => void (options = flags));
    await program.parseAsync(["chaos", "run.yaml", ...planFlags({ ...everything, duration: 60 })], { from: "user" });
    expect(options).toMatchObject({
      killWorkerEvery: everything.every["kill-worker"],
      freezeEvery: everything.every.freeze,
      cutEvery: everything.every.cut,
      killCoordinatorEvery: everything.every["kill-coordinator"],
      corruptEvery: everything.every.corrupt,
      restartAfter: everything.restartAfter,
      freezeFor: everything.freezeFor,
      cutFor: everything.cutFor,
      slow: "2:1",
      duration: 60,
    });
  });
});

describe("--slow", () => {
  it("takes a factor and a number of workers", () => {
    expect(parseSlowness("4")).toEqual({ factor: 4, workers: 1 });
    expect(parseSlowness("2.5:3")).toEqual({ factor: 2.5, workers: 3 });
  });

  it.each(["", "1", "0.5", "4:0", "4:x", "x", "4:2:1", "1000"])("rejects %j", (text) => {
    expect(() => parseSlowness(text)).toThrow("expected FACTOR or FACTOR:WORKERS");
  });
});
