import { describe, expect, it } from "vitest";
import { estimateOutput, freeSpace, spaceWarning, type PlannedOutput } from "../../../src/output/index.js";
import { temporaryFolder } from "../model/helpers.js";

/** A million parameters: 4 MB an adapter, 12 MB a checkpoint. */
const planned: PlannedOutput = { parameters: 1e6, steps: 1000, saveSteps: 100, keep: null, present: 0 };

describe("insufficient disk space is reported before training", () => {
  it.each([
    ["keeps all", planned, 10],
    ["keeps three, and writes one before the oldest goes", { ...planned, keep: 3 }, 4],
    ["has those it keeps already", { ...planned, keep: 3, present: 3 }, 1],
    ["saves only at its end", { ...planned, saveSteps: 5000 }, 1],
    ["keeps more than it makes", { ...planned, keep: 50 }, 10],
    ["has no step left", { ...planned, steps: 0 }, 0],
  ])("a run that %s", (_, run, checkpoints) => {
    const { bytes, ...estimate } = estimateOutput(run);
    expect(estimate).toEqual({ checkpoints, bytesPerCheckpoint: 12e6 });
    expect(bytes).toBeGreaterThanOrEqual(checkpoints * 12e6 + 4e6);
    expect(bytes).toBeLessThan(checkpoints * 12e6 + 5e6);
  });

  it("with the needed and free space, and only if it does not suffice", () => {
    expect(spaceWarning("/out", planned, 125e6)).toBeUndefined();
    expect(spaceWarning("/out", planned, 50e6)).toMatch(
      /writes about 124\.6 MB \(10 checkpoints of 12 MB, the adapter, logs\), and the disk of \/out has 50 MB free/,
    );
  });

  it("also for a folder that does not exist yet", () => {
    expect(freeSpace(`${temporaryFolder()}/not/there/yet`)).toBeGreaterThan(0);
  });
});
