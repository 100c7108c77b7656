/** What a user loses if these fail: numbers in the progress line that can be read at a glance and are right. */
import { describe, expect, it } from "vitest";
import {
  formatCount,
  formatDuration,
  formatLearningRate,
  formatLoss,
  formatSmall,
} from "../../../../src/cli/terminal/progress-format.js";

describe("formatDuration", () => {
  it.each([
    [0, "0s"],
    [0.4, "0s"],
    [59.4, "59s"],
    [59.5, "1m 00s"],
    [723, "12m 03s"],
    [3599.6, "1h 00m"],
    [11_100, "3h 05m"],
    [86_399, "23h 59m"],
    [86_400, "1d 00h"],
    [187_200, "2d 04h"],
    [Infinity, "?"],
    [NaN, "?"],
    [-1, "?"],
  ])("%d s is %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

describe("formatCount", () => {
  it.each([
    [0, "0"],
    [7, "7"],
    [12.34, "12.3"],
    [0.1234, "0.123"],
    [999, "999"],
    [999.6, "1.00k"],
    [1204, "1.20k"],
    [12345, "12.3k"],
    [999_499, "999k"],
    [999_500, "1.00M"],
    [4_560_000, "4.56M"],
    [7.89e9, "7.89G"],
    [5e15, "5.00e+3T"],
    [NaN, "?"],
  ])("%d is %s", (value, text) => {
    expect(formatCount(value)).toBe(text);
  });
});

describe("other numbers", () => {
  it.each([
    [formatLearningRate, 2e-4, "2.00e-4"],
    [formatLearningRate, 1.23456e-5, "1.23e-5"],
    [formatLearningRate, 0, "0"],
    [formatLoss, 1.23456, "1.2346"],
    [formatLoss, 0, "0.0000"],
    [formatLoss, 12345.6, "12300"],
    [formatLoss, NaN, "NaN"],
    [formatSmall, 0.53123, "0.531"],
    [formatSmall, 12.345, "12.3"],
    [formatSmall, Infinity, "Infinity"],
  ])("%O of %d is %s", (format, value, text) => {
    expect(format(value)).toBe(text);
  });
});
