import { describe, expect, it } from "vitest";
import { parseRun } from "../../../src/config/index.js";
import { crowdedCores } from "../../../src/coordinator/threads.js";

const run = (workers: number, threads: string) =>
  parseRun(
    `{ model: m, output_dir: o, data: { train: t }, workers: ${workers}, compute: { threads: ${threads} } }`,
    "run.yaml",
  );

describe("local workers that have all cores each, though others would be faster, are started without a word", () => {
  it.each([
    [2, 2, "compute.threads: 1"],
    [3, 8, "compute.threads: 2"],
    [4, 2, "compute.threads: 1"],
  ])("%i workers on %i cores", (workers, cores, advice) => {
    expect(crowdedCores(run(workers, "auto"), cores)).toContain(advice);
  });

  it("says nothing to one worker, on one core, or where the user has chosen", () => {
    expect([crowdedCores(run(1, "auto"), 8), crowdedCores(run(2, "auto"), 1), crowdedCores(run(2, "8"), 8)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
