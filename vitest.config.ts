import { defineConfig } from "vitest/config";
import { softwareGpuEnvironment } from "./tests/support/software-gpu.js";

/** The numerics suite: it runs on the CPU in `unit`, and on WebGPU in `webgpu`. */
const numerics = ["golden", "operations", "dropout", "decoder", "invariance", "precision"];

// COXSWAIN_TEST_WEBGPU=gpu takes the GPU that the machine has.
const webgpu = process.env["COXSWAIN_TEST_WEBGPU"] === "gpu" ? {} : softwareGpuEnvironment();

/** Real processes and real sockets: they get time enough on a machine that does other things, too. */
const processes = { testTimeout: 180_000, hookTimeout: 120_000 };

/** A project is a folder of tests/. `npm test` runs the first three, `npm run test:all` all. */
export default defineConfig({
  test: {
    // One test file per core; vitest's own choice leaves one core to itself, which is half of a machine of two.
    maxWorkers: "100%",
    projects: [
      { test: { name: "unit", include: ["tests/unit/**/*.test.ts"], testTimeout: 60_000 } },
      { test: { name: "golden", include: ["tests/golden/*.test.ts"], ...processes } },
      { test: { name: "promises", include: ["tests/promises/*.test.ts"], ...processes } },
      { test: { name: "e2e", include: ["tests/e2e/**/*.test.ts"], ...processes } },
      ...(webgpu === null
        ? []
        : [
            {
              // One process that keeps its device open: a software driver takes seconds to compile each shader anew.
              test: {
                name: "webgpu",
                include: numerics.map((name) => `tests/unit/compute/${name}.test.ts`),
                env: { ...webgpu, COXSWAIN_TEST_DEVICE: "webgpu" },
                isolate: false,
                maxWorkers: 1,
                fileParallelism: false,
                testTimeout: 240_000,
                hookTimeout: 60_000,
                sequence: { groupOrder: 1 },
              },
            },
          ]),
      {
        // Alone, since they measure; one after another, when the others are done.
        test: {
          name: "security",
          include: ["tests/security/**/*.test.ts"],
          ...processes,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // A cluster of its own, when all else is done.
        test: {
          name: "kubernetes",
          include: ["tests/kubernetes/**/*.test.ts"],
          ...processes,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
