import { totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { bytesText, countText, examineMachine, examineMemory } from "../../../src/doctor/index.js";
import { nodeVersion } from "../../../src/doctor/machine.js";

describe("this machine", () => {
  it("is described by name, and is supported where the tests run", async () => {
    const findings = await examineMachine(await examineMemory());
    expect(findings.map(({ name }) => name)).toEqual([
      "Node.js",
      "processor",
      "memory",
      "GPU",
      "onnx",
      "tfjs",
      "cache",
    ]);
    expect(findings.filter(({ state }) => state === "bad")).toEqual([]);
    expect(findings.find(({ name }) => name === "onnx")?.text).toMatch(
      /^ONNX Runtime \d+\.\d+\.\d+ on (cpu|cuda|webgpu): \S/,
    );
  });

  it("has memory, some of it free", async () => {
    const { total, available } = await examineMemory();
    expect(total).toBeGreaterThan(0);
    expect(total).toBeLessThanOrEqual(totalmem());
    expect(available).toBeGreaterThan(0);
    expect(available).toBeLessThan(total);
  });

  it.each([
    ["20.18.3", "bad"],
    ["20.19.0", "good"],
    ["22.12.0", "good"],
    ["24.21.0", "good"],
    ["26.10.0", "good"],
    ["18.20.4", "bad"],
  ])("with Node.js %s is %s", (version, state) => expect(nodeVersion(version).state).toBe(state));
});

describe("numbers for people", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1500, "1.50 kB"],
    [268_953_000, "269 MB"],
    [999_700_000, "1.00 GB"],
    [25_200_000_000, "25.2 GB"],
    [9e15, "9000 TB"],
  ])("%d bytes are %s", (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it.each([
    [4096, "4.1 K"],
    [134_515_008, "134.5 M"],
    [7_241_732_096, "7.2 B"],
  ])("%d are %s", (count, text) => expect(countText(count)).toBe(text));
});
