/** The page's data about the run: a snapshot and the updates since. Independent of the browser. */
import type {
  EarlierRun,
  EvaluationPoint,
  ShownEvent,
  ShownSample,
  ShownStatus,
  StepPoint,
  Tail,
  Update,
} from "../messages.js";

/** Events kept: as many as the coordinator keeps. */
const eventsKept = 100;

export interface Shown {
  readonly status: ShownStatus;
  readonly steps: readonly StepPoint[];
  readonly evaluations: readonly EvaluationPoint[];
  /** Oldest first. */
  readonly events: readonly ShownEvent[];
  readonly samples?: readonly ShownSample[];
  /** Newest first. */
  readonly earlier?: readonly EarlierRun[];
}

/** Nothing more will come. */
export const isOver = ({ status: { state } }: Shown): boolean =>
  state === "completed" || state === "stopped" || state === "failed";

export function updated(shown: Shown, update: Update): Shown {
  const { status, steps, evaluations, events, samples = shown.samples, earlier = shown.earlier } = update;
  return {
    status,
    steps: withTail(shown.steps, steps),
    evaluations: withTail(shown.evaluations, evaluations),
    events: withEvents(shown.events, events),
    ...(samples === undefined ? {} : { samples }),
    ...(earlier === undefined ? {} : { earlier }),
  };
}

const withTail = <Point>(points: readonly Point[], tail: Tail<Point> | undefined): readonly Point[] =>
  tail === undefined ? points : [...points.slice(0, tail.from), ...tail.points];

/** Events of a snapshot are repeated in the next update. */
function withEvents(known: readonly ShownEvent[], more: readonly ShownEvent[] = []): readonly ShownEvent[] {
  const last = known.at(-1)?.id ?? 0;
  return [...known, ...more.filter(({ id }) => id > last)].slice(-eventsKept);
}
