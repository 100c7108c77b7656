import { describe, expect, it } from "vitest";
import { parseRun } from "../../../../src/config/index.js";
import { sameBitsThreads, withThreads } from "../../../../src/coordinator/prepare/threads.js";

const run = (workers: number, threads: string | number = "auto") =>
  parseRun(
    `{ model: m, output_dir: o, data: { train: t }, workers: ${workers}, compute: { threads: ${threads} } }`,
    "run.yaml",
  );

const chosen = (workers: number, cores: number, most: number, localWorkers = true) => {
  const host = { cores, coresText: `${cores} cores` };
  const { config, reason } = withThreads(run(workers), { localWorkers, host, sameBitsUpTo: () => most });
  return { threads: config.compute.threads, reason };
};

describe("local workers", () => {
  it.each([
    [1, 2, 2],
    [2, 2, 1],
    [2, 8, 4],
    [3, 8, 2],
    [16, 8, 1],
  ])("share the cores if that changes no bit: %i on %i cores compute with %i threads", (workers, cores, threads) => {
    expect(chosen(workers, cores, 8).threads).toBe(threads);
  });

  it.each([1, 2, 3, 16])("do not change the adapter's bits with their number (%i)", (workers) => {
    expect(chosen(workers, 8, 7).threads).toBe(8);
  });

  it("are reported with the number of threads and the reason", () => {
    expect(chosen(2, 4, 4).reason).toBe(
      "2 threads per worker: 2 workers share 4 cores (compute.threads, part of the run)",
    );
    expect(chosen(2, 8, 2).reason).toContain(
      "8 threads per worker: 2 workers share 8 cores; 4 may be faster, but changes the last bits",
    );
    expect(chosen(1, 8, 2).reason).toContain("8 threads per worker: this machine has 8 cores");
  });

  it("on other machines use the number of cores of the coordinator's machine", () => {
    expect(chosen(4, 8, 8, false).threads).toBe(8);
  });

  it("use the number in the run file, which is not reported", () => {
    const host = { cores: 8, coresText: "8 cores" };
    const options = { localWorkers: true, host, sameBitsUpTo: () => 1 };
    expect(withThreads(run(2, 3), options)).toEqual({ config: run(2, 3), reason: undefined });
  });
});

// Seen with ONNX Runtime 1.30 on x64: adapters of a few steps, 1 to 8 threads.
it.each([
  [[192, 512], 2, "the quickstart's model: 1 and 2 alike, 3 not"],
  [[576, 192, 1536], 2, "SmolLM2-135M: 1 and 2 alike, 4 not"],
  [[64, 160], 1, "the golden llama: 2 other than 1"],
  [[4096, 1024], 12, "a model of 8 B parameters"],
])("the bits of one thread: matrices of widths %j keep them up to %i threads (%s)", (widths, threads) => {
  expect(sameBitsThreads(widths)).toBe(threads);
});
