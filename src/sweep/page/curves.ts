/**
 * The training losses of the trials that are drawn, in bounded memory. What a trial recorded before it was followed is
 * read from its folder; steps that come meanwhile are kept.
 */
import { detach } from "../../async/index.js";
import type { Curve } from "../../history/index.js";
import { valueSeries, type Series, type ValuePoint } from "../../live-page/index.js";
import type { CurveTail, ShownCurve } from "./messages.js";

/** Maximum number of points of a curve. */
const pointsShown = 200;

interface Followed {
  readonly series: Series<ValuePoint>;
  /** Steps since it is followed, until its past has been read. */
  fresh: ValuePoint[] | undefined;
}

export class TrialCurves {
  readonly #past: (trial: number) => Promise<Curve>;
  #followed = new Map<number, Followed>();

  /** @param past what a trial has recorded; must not be rejected */
  constructor(past: (trial: number) => Promise<Curve>) {
    this.#past = past;
  }

  /** Trials whose curves are kept from now on, in the order in which they are drawn. Others are dropped. */
  follow(trials: readonly number[]): void {
    this.#followed = new Map(trials.map((trial) => [trial, this.#followed.get(trial) ?? this.#begin(trial)]));
  }

  step(trial: number, step: number, loss: number): void {
    const followed = this.#followed.get(trial);
    if (followed === undefined) return;
    const point = { step, steps: 1, value: Number.isFinite(loss) ? loss : null };
    if (followed.fresh !== undefined) followed.fresh.push(point);
    // Its folder has the whole again, without the steps that it went back.
    else if (step <= (followed.series.points.at(-1)?.step ?? 0)) this.#followed.set(trial, this.#begin(trial, [point]));
    else followed.series.add(point);
  }

  get drawn(): readonly number[] {
    return [...this.#followed.keys()];
  }

  get curves(): readonly ShownCurve[] {
    return [...this.#followed].map(([trial, { series }]) => ({ trial, points: series.points.map(pairOf) }));
  }

  /** The changes since the last call. */
  takeTails(): readonly CurveTail[] {
    return [...this.#followed].flatMap(([trial, { series }]) => {
      const tail = series.takeTail();
      return tail === undefined ? [] : [{ trial, from: tail.from, points: tail.points.map(pairOf) }];
    });
  }

  #begin(trial: number, fresh: ValuePoint[] = []): Followed {
    const followed: Followed = { series: valueSeries(pointsShown), fresh };
    const read = async (): Promise<void> => {
      const past = await this.#past(trial);
      const [first] = followed.fresh ?? [];
      const before = past.filter(({ step }) => first === undefined || step < first.step);
      followed.series.reset([
        ...before.map(({ step, value }) => ({ step, steps: 1, value })),
        ...(followed.fresh ?? []),
      ]);
      followed.fresh = undefined;
    };
    detach(read(), () => (followed.fresh = undefined));
    return followed;
  }
}

const pairOf = ({ step, value }: ValuePoint): readonly [number, number | null] => [step, value];
