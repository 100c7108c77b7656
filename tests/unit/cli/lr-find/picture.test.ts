import { describe, expect, it } from "vitest";
import { rangeTestSpecification } from "../../../../src/cli/lr-find/picture.js";
import { drawPng, drawSvg } from "../../../../src/plots/index.js";

/** A test whose loss ends far above where it began. */
const found = {
  points: [5, 4, 3, 400, 4e6].map((loss, index) => ({
    step: index + 1,
    learningRate: 10 ** (index - 6),
    loss,
    smoothedLoss: loss,
  })),
  divergedAt: 1e-2,
  suggestion: { learningRate: 1e-4, steepest: 1e-5, turn: 1e-3, tenth: 1e-4, rule: "tenth" as const, reason: "" },
};

describe("the picture of a range test", () => {
  it("can be converted to PNG when the loss diverged", async () => {
    const svg = await drawSvg(rangeTestSpecification(found, { from: 1e-6, to: 1e-2, steps: 5 }), () => undefined);
    const png = await drawPng(svg);
    expect(Buffer.from(png).subarray(1, 4).toString()).toBe("PNG");
  });
});
