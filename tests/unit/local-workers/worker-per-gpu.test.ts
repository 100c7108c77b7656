import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { runPerGpu, workerArguments } from "../../../src/cli/worker/per-gpu.js";
import { exitCodeOf, exitStatus } from "../../../src/local-workers/worker-per-gpu.js";
import { temporaryFolder } from "../../support/processes.js";

const flags = { coordinator: "127.0.0.1:7070", http: "127.0.0.1:0" };

describe("the command line of each worker", () => {
  it("is the same for all, except that fixed ports are incremented", () => {
    const given = { ...flags, token: "secret", listen: "0.0.0.0:8000", http: "0.0.0.0:9464", model: "m" };
    const words = workerArguments(given, 2).join(" ");
    expect(words).toBe(
      "worker --coordinator 127.0.0.1:7070 --model m --device cuda --listen 0.0.0.0:8002 --http 0.0.0.0:9466",
    );
    expect(workerArguments({ ...flags, listen: "none", device: "cpu", stay: true }, 1).join(" ")).toBe(
      "worker --coordinator 127.0.0.1:7070 --device cpu --listen none --http 127.0.0.1:0 --stay",
    );
  });

  it("exits with the most severe exit code", () => {
    expect(exitStatus([0, 0])).toBe(0);
    expect(exitStatus([0, 5, 3])).toBe(5);
    expect(exitStatus([5, 1, 137])).toBe(1);
    expect([exitCodeOf(3, null), exitCodeOf(null, "SIGKILL")]).toEqual([3, 137]);
  });
});

describe("one worker process per GPU", () => {
  afterEach(() => vi.unstubAllEnvs());

  /** A program in the worker's place. */
  function host(source: string): { program: string; said: string[]; say: (text: string) => void } {
    const program = join(temporaryFolder(), "program.mjs");
    writeFileSync(program, source);
    const said: string[] = [];
    return { program, said, say: (text) => said.push(text) };
  }

  it("gives each its own GPU and the token in the environment, and restarts none", async () => {
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "0,1,2");
    const stand = host(`
      const ok = process.env.COXSWAIN_TOKEN === "secret" && !process.argv.includes("secret");
      process.exit(ok ? 10 + Number(process.env.CUDA_VISIBLE_DEVICES) : 1);
    `);
    expect(await runPerGpu({ ...flags, token: "secret" }, "0,2", stand)).toBe(12);
    expect(stand.said[0]).toBe("workers on GPUs 0, 2, one process per GPU");
    expect(
      stand.said
        .slice(1)
        .map((text) => text.replace(/;.*/, ""))
        .toSorted(),
    ).toEqual(["the worker on GPU 0 ended (exit code 10)", "the worker on GPU 2 ended (exit code 12)"]);
  });

  it("forwards a signal to all of them", async () => {
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "0,1");
    const folder = temporaryFolder();
    const stand = host(`
      import { writeFileSync } from "node:fs";
      const gpu = process.env.CUDA_VISIBLE_DEVICES;
      process.on("SIGTERM", () => process.exit(20 + Number(gpu)));
      process.on("message", () => {});
      writeFileSync(${JSON.stringify(`${folder}/`)} + gpu, "");
    `);
    const before = process.listeners("SIGTERM");
    const ended = runPerGpu(flags, "all", stand);
    await vi.waitUntil(() => existsSync(join(folder, "0")) && existsSync(join(folder, "1")), 10_000);
    // As the signal to this process would: to the listener that stands in for the terminal's user.
    process.listeners("SIGTERM").find((each) => !before.includes(each))!("SIGTERM");
    expect(await ended).toBe(21);
    expect(stand.said).toHaveLength(3);
    expect(process.listeners("SIGTERM")).toEqual(before);
  });
});
