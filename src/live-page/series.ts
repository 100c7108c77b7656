/**
 * Points over steps in bounded memory: one point per step while there are few; when there would be too many, each point
 * combines twice as many steps as before. Does not know the content of a point.
 */
import type { Tail } from "./messages.js";

export interface SeriesPoint {
  /** The last step of the point. */
  readonly step: number;
  /** How many. */
  readonly steps: number;
}

export class Series<Point extends SeriesPoint> {
  readonly #limit: number;
  readonly #merge: (one: Point, next: Point) => Point;
  #points: Point[] = [];
  /** Steps per point. Points end at multiples of it, so that the same run gives the same points. */
  #stride = 1;
  /** Points from this index on changed since `takeTail`. */
  #changedFrom = Infinity;

  /**
   * @param limit maximum number of points, at least 2
   * @param merge combines two neighbouring points, the earlier first
   */
  constructor(limit: number, merge: (one: Point, next: Point) => Point) {
    this.#limit = limit;
    this.#merge = merge;
  }

  get points(): readonly Point[] {
    return this.#points;
  }

  /** @param point of a later step than those before */
  add(point: Point): void {
    this.#append(point);
    if (this.#points.length <= this.#limit) return;
    const before = this.#points;
    this.#points = [];
    this.#stride *= 2;
    this.#changedFrom = 0;
    for (const each of before) this.#append(each);
  }

  /** Clears everything, for another history. */
  reset(points: Iterable<Point>): void {
    this.#points = [];
    this.#stride = 1;
    this.#changedFrom = 0;
    for (const point of points) this.add(point);
  }

  /** The changes since the last call; undefined if there are none. */
  takeTail(): Tail<Point> | undefined {
    const from = this.#changedFrom;
    if (from === Infinity) return undefined;
    this.#changedFrom = Infinity;
    return { from, points: this.#points.slice(from) };
  }

  #append(point: Point): void {
    const last = this.#points.at(-1);
    if (last !== undefined && this.#bucketOf(last) === this.#bucketOf(point)) {
      this.#points.pop();
      this.#points.push(this.#merge(last, point));
    } else this.#points.push(point);
    this.#changedFrom = Math.min(this.#changedFrom, this.#points.length - 1);
  }

  #bucketOf({ step }: Point): number {
    return Math.ceil(step / this.#stride);
  }
}
