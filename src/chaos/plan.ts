/**
 * Which faults a run gets, and when. Pure: the nth fault of a kind is a function of (seed, kind, n), whatever happens
 * to the run, so that a failure can be replayed. Does not know processes.
 */
import { CoxswainError } from "../errors.js";
import { philox4x32 } from "../math/index.js";

export const faultKinds = ["kill-worker", "freeze", "cut", "kill-coordinator", "corrupt"] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Slowness {
  /** 4: a quarter of the speed. */
  readonly factor: number;
  /** The number of slow workers, from the first on. */
  readonly workers: number;
}

/** All times in seconds. */
export interface ChaosPlan {
  /** Mean time between faults of a kind; a kind that is absent does not occur. */
  readonly every: Readonly<Partial<Record<FaultKind, number>>>;
  /** Delay before a killed process is restarted. */
  readonly restartAfter: number;
  readonly freezeFor: number;
  readonly cutFor: number;
  readonly slow: Slowness | null;
  /** Faults are injected for this long, then no more; null: until the run ends. */
  readonly duration: number | null;
}

/** The requested plan; what is absent has a default. */
export type PlanRequest = Partial<Omit<ChaosPlan, "every">> & Pick<ChaosPlan, "every">;

/** silent: no data passes, and no end is notified. reset: connections break, and new ones are refused. */
export type CutManner = "silent" | "reset";
export type Direction = "to-worker" | "from-worker";

interface FaultBase {
  /** Seconds after the first commit. */
  readonly time: number;
  /** Which of its kind, from 1. */
  readonly number: number;
}

/** `target` chooses a worker: uniform in [0, 1). */
export type Fault = FaultBase &
  (
    | { readonly kind: "kill-worker" | "freeze"; readonly target: number }
    | { readonly kind: "kill-coordinator" }
    | { readonly kind: "cut"; readonly target: number; readonly manner: CutManner }
    | {
        readonly kind: "corrupt";
        readonly target: number;
        readonly direction: Direction;
        /** The position of the byte in the next data: uniform in [0, 1). */
        readonly place: number;
        /** The byte is XORed with it: 1 .. 255. */
        readonly mask: number;
      }
  );

const defaults = { restartAfter: 1, freezeFor: 5, cutFor: 3, slow: null, duration: null } as const;

/** No faults. */
export const calmPlan: ChaosPlan = { ...defaults, every: {} };

/** Whether no fault was requested. */
const isEmpty = ({ every, slow }: PlanRequest): boolean => Object.keys(every).length === 0 && (slow ?? null) === null;

/**
 * The plan with its defaults. If no fault was requested, it contains every kind, at intervals proportional to the
 * duration of the undisturbed run, so that short runs get faults too.
 */
export function completePlan(request: PlanRequest, undisturbedSeconds: number): ChaosPlan {
  const asked = Object.fromEntries(Object.entries<unknown>(request).filter(([, value]) => value !== undefined));
  if (!isEmpty(request)) return { ...defaults, ...asked, every: request.every };
  const share = (part: number, least: number): number =>
    Math.max(least, Math.round((undisturbedSeconds / part) * 10) / 10);
  return {
    ...defaults,
    freezeFor: Math.min(defaults.freezeFor, share(8, 0.5)),
    cutFor: Math.min(defaults.cutFor, share(12, 0.5)),
    slow: { factor: 2, workers: 1 },
    ...asked,
    every: {
      "kill-worker": share(3, 10),
      freeze: share(3, 8),
      cut: share(3, 8),
      "kill-coordinator": share(2, 20),
      corrupt: share(4, 5),
    },
  };
}

/** "4" or "4:2", factor and workers.
 * @throws CoxswainError "usage"
 */
export function parseSlowness(text: string): Slowness {
  const [, factor = "", workers = "1"] = /^(\d+(?:\.\d+)?)(?::(\d+))?$/.exec(text) ?? [];
  const slowness = { factor: Number(factor), workers: Number(workers) };
  if (slowness.factor > 1 && slowness.factor <= 100 && slowness.workers > 0) return slowness;
  throw new CoxswainError("usage", `--slow ${text}: expected FACTOR or FACTOR:WORKERS, with a factor from 1 to 100`, {
    hint: "--slow 4:2 gives two workers a quarter of their speed.",
  });
}

/** The flags that request this plan. */
export function planFlags(plan: ChaosPlan): string[] {
  const { every, restartAfter, freezeFor, cutFor, slow, duration } = plan;
  return [
    ...faultKinds.flatMap((kind) => (every[kind] === undefined ? [] : [`--${kind}-every`, String(every[kind])])),
    ...((every["kill-worker"] ?? every["kill-coordinator"]) ? ["--restart-after", String(restartAfter)] : []),
    ...(every.freeze === undefined ? [] : ["--freeze-for", String(freezeFor)]),
    ...(every.cut === undefined ? [] : ["--cut-for", String(cutFor)]),
    ...(slow === null ? [] : ["--slow", `${slow.factor}:${slow.workers}`]),
    ...(duration === null ? [] : ["--duration", String(duration)]),
  ];
}

/** The stream of all chaos draws; no draw of a run uses it. */
const chaosStream = 0xc4a05;

/** The faults in order of time; endless unless the plan has a duration (or no faults). */
export function* faultsOf(plan: ChaosPlan, seed: number): Generator<Fault, void, undefined> {
  const next = faultKinds.flatMap((kind) => {
    const mean = plan.every[kind];
    return mean === undefined ? [] : [{ mean, fault: draw(kind, 1, 0, mean, seed) }];
  });
  for (;;) {
    next.sort((a, b) => a.fault.time - b.fault.time);
    const [first] = next;
    if (first === undefined) return;
    const { fault, mean } = first;
    if (plan.duration !== null && fault.time > plan.duration) return;
    yield fault;
    first.fault = draw(fault.kind, fault.number + 1, fault.time, mean, seed);
  }
}

/**
 * The time between two faults is uniform in [0.5, 1.5) of the mean, so that "every S seconds" holds for short runs too.
 */
function draw(kind: FaultKind, number: number, after: number, mean: number, seed: number): Fault {
  const words = new Uint32Array(4);
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  philox4x32([number, faultKinds.indexOf(kind), 0, chaosStream], key, words);
  const [interval = 0, target = 0, choice = 0, byte = 0] = words;
  const base = { number, time: after + mean * (0.5 + unit(interval)) };
  switch (kind) {
    case "kill-coordinator":
      return { ...base, kind };
    case "kill-worker":
    case "freeze":
      return { ...base, kind, target: unit(target) };
    case "cut":
      return { ...base, kind, target: unit(target), manner: unit(choice) < 0.5 ? "silent" : "reset" };
    case "corrupt":
      return {
        ...base,
        kind,
        target: unit(target),
        direction: unit(choice) < 0.5 ? "to-worker" : "from-worker",
        place: unit(byte),
        mask: 1 + ((byte & 0xff) % 255),
      };
  }
}

/** Uniform in [0, 1), from the upper 24 bits. */
const unit = (word: number): number => (word >>> 8) / 0x1000000;
