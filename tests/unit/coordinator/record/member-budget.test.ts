import { describe, expect, it } from "vitest";
import { MemberBudget } from "../../../../src/coordinator/record/member-budget.js";

const allowed = (budget: MemberBudget, members: readonly string[]): number =>
  members.filter((member) => budget.allows(member)).length;

describe("what members cause is recorded", () => {
  it("entirely, when 512 honest ones come and go in one instant, eight times", () => {
    const budget = new MemberBudget(() => 0);
    const records = Array.from({ length: 512 * 8 }, (_, index) => `w-${index % 512}`);
    expect(allowed(budget, records)).toBe(records.length);
    expect(budget.omitted).toBe(0);
  });

  it("once a second for a single one that does not stop, and the rest is counted", () => {
    let now = 0;
    const budget = new MemberBudget(() => now);
    const many = Array<string>(1_000).fill("a");
    expect(allowed(budget, many)).toBe(60);
    now = 10_000;
    expect(allowed(budget, many)).toBe(10);
    expect(allowed(budget, ["b"])).toBe(1);
    expect(budget.takeOmitted()).toBe(1_930);
    expect(budget.omitted).toBe(0);
  });

  it("twice a second for any number of invented ones, after a burst", () => {
    let now = 0;
    const budget = new MemberBudget(() => now);
    const invented = (from: number): string[] => Array.from({ length: 10_000 }, (_, index) => `m-${from + index}`);
    expect(allowed(budget, invented(0))).toBe(6_000);
    now = 60_000;
    expect(allowed(budget, invented(10_000))).toBe(120);
  });

  it("with word of what was omitted, at most once a minute", () => {
    let now = 0;
    const budget = new MemberBudget(() => now);
    allowed(budget, Array<string>(100).fill("a"));
    expect(budget.omitted).toBe(40);
    budget.takeOmitted();
    allowed(budget, ["a"]);
    now = 59_000;
    expect(budget.omitted).toBe(0);
    now = 60_000;
    expect(budget.omitted).toBe(1);
  });

  it("whatever the clock does", () => {
    let now = 1_000_000;
    const budget = new MemberBudget(() => now);
    allowed(budget, Array<string>(100).fill("a"));
    now = 0;
    expect(budget.allows("a")).toBe(false);
  });
});
