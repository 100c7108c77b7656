/** These tests protect: the whole run on one page, however long it is and whenever the page is opened. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Series, type SeriesPoint } from "../../../src/live-page/series.js";

interface Point extends SeriesPoint {
  readonly sum: number;
}

const seriesOf = (limit: number): Series<Point> =>
  new Series<Point>(limit, (one, next) => ({
    step: next.step,
    steps: one.steps + next.steps,
    sum: one.sum + next.sum,
  }));

const point = (step: number): Point => ({ step, steps: 1, sum: step });
const range = (first: number, last: number): Point[] =>
  Array.from({ length: last - first + 1 }, (_, index) => point(first + index));

describe("a curve", () => {
  it("has one point per step while there are few", () => {
    const series = seriesOf(8);
    for (const each of range(1, 8)) series.add(each);
    expect(series.points).toEqual(range(1, 8));
  });

  it("has one point per two, then four steps when there are more, with a partial last point", () => {
    const series = seriesOf(4);
    for (const each of range(1, 11)) series.add(each);
    expect(series.points).toEqual([
      { step: 4, steps: 4, sum: 1 + 2 + 3 + 4 },
      { step: 8, steps: 4, sum: 5 + 6 + 7 + 8 },
      { step: 11, steps: 3, sum: 9 + 10 + 11 },
    ]);
  });

  it("stays within its bound, includes every step, and is the same live and read back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 1, max: 3000 }), (limit, steps) => {
        const live = seriesOf(limit);
        for (const each of range(1, steps)) live.add(each);
        expect(live.points.length).toBeLessThanOrEqual(limit);
        expect(live.points.length).toBeGreaterThan(Math.min(steps, limit) / 2 - 1);
        expect(live.points.reduce((sum, each) => sum + each.sum, 0)).toBe((steps * (steps + 1)) / 2);
        const back = seriesOf(limit);
        back.reset(range(1, steps));
        expect(back.points).toEqual(live.points);
      }),
      { numRuns: 50 },
    );
  });

  it("reports changes that keep a page equal to the coordinator", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 40 }), (batches) => {
        const series = seriesOf(6);
        let page: Point[] = [];
        let step = 0;
        for (const count of batches) {
          for (let index = 0; index < count; index++) series.add(point(++step));
          const tail = series.takeTail();
          expect(tail === undefined).toBe(count === 0);
          if (tail !== undefined) page = [...page.slice(0, tail.from), ...tail.points];
          expect(page).toEqual(series.points);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("is cut back when the run continues from an earlier step", () => {
    const series = seriesOf(4);
    for (const each of range(1, 9)) series.add(each);
    series.takeTail();
    series.reset(range(1, 3));
    series.add(point(4));
    expect(series.takeTail()).toEqual({ from: 0, points: range(1, 4) });
  });
});
