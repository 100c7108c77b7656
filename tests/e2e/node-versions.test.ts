/** The built product on every Node.js line that package.json's `engines` allows. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { program, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, goldenFolder, quickstartModel } from "../support/runs.js";
import { WatchedProcess } from "../support/watched-process.js";
import type { Finished } from "../support/watched-process.js";

const nodes = join(homedir(), ".cache", "coxswain", "nodes");
const tested = ["20.19.0", "22", "24", "26"].map((line) => ({ line, node: programOf(line) }));

function programOf(line: string): string | undefined {
  const version = existsSync(nodes)
    ? readdirSync(nodes).find((name) => name === line || name.startsWith(`${line}.`))
    : undefined;
  return version === undefined ? undefined : join(nodes, version, "node");
}

/** `coxswain` run by another Node.js, with everything that Node itself has to say. */
function coxswainOn(node: string, args: readonly string[], cwd: string): Promise<Finished> {
  const env = { ...process.env, NO_COLOR: "1", COXSWAIN_TOKEN: "", COXSWAIN_DEBUG: "1" };
  return new WatchedProcess(spawn(node, [program, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] })).finished;
}

const run = (engine: "onnx" | "tfjs"): object => ({
  model: join(goldenFolder, "llama", "model"),
  output_dir: `runs/${engine}`,
  workers: 1,
  data: { train: join(goldenFolder, "llama", "train.jsonl"), format: "tokens", max_length: 64 },
  lora: { r: 4 },
  training: { max_steps: 3, global_batch_size: 4, micro_batch_size: 1, learning_rate: 0.001 },
  compute: { engine, threads: 1 },
  cluster: { listen: "127.0.0.1:0" },
  telemetry: { http: null },
});

/** What the tests' own Node.js trains. */
async function expectedAdapter(engine: "onnx" | "tfjs"): Promise<Buffer> {
  const folder = temporaryFolder();
  const { code, stderr } = await coxswainOn(process.execPath, ["train", writeRun(folder, run(engine))], folder);
  expect(code, stderr).toBe(0);
  return adapterBytes(join(folder, "runs", engine));
}

const expected = new Map<string, Promise<Buffer>>();
function expectedOnce(engine: "onnx" | "tfjs"): Promise<Buffer> {
  const known = expected.get(engine) ?? expectedAdapter(engine);
  expected.set(engine, known);
  return known;
}

const missing = " (skipped: not installed; get it with `node scripts/install-nodes.mjs`)";

for (const { line, node = "" } of tested) {
  const skipped = node === "" ? missing : "";
  describe.skipIf(node === "")(`Node.js ${line}${skipped}`, () => {
    it.each(["onnx", "tfjs"] as const)("trains the adapter of every other version, with %s", async (engine) => {
      const folder = temporaryFolder();
      const { code, stderr } = await coxswainOn(node, ["train", writeRun(folder, run(engine))], folder);
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(adapterBytes(join(folder, "runs", engine)).equals(await expectedOnce(engine))).toBe(true);
    });

    it("is supported according to doctor, which names the tfjs backend", async () => {
      const { code, stdout, stderr } = await coxswainOn(node, ["doctor"], temporaryFolder());
      expect(stderr).toBe("");
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`Node\\.js +${line.replaceAll(".", "\\.")}`));
      if (Number.parseInt(line) >= 23)
        expect(stdout).toContain("its native addon does not load on Node.js 23 and later");
    });

    it("answers a prompt", async () => {
      const ask = ["generate", "--model", quickstartModel, "--prompt", "hello", "--max-new-tokens", "4"];
      const { code, stdout, stderr } = await coxswainOn(node, ask, temporaryFolder());
      expect(stderr).toBe("note: cut off after 4 tokens (--max-new-tokens)\n");
      expect(code).toBe(0);
      expect(stdout.trim()).not.toBe("");
    });
  });
}
