/** What the benchmarks share: their command line, medians, and a real coordinator over the quickstart's model and data. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const root = fileURLToPath(new URL("..", import.meta.url));
/** The program's main module. */
export const program = join(root, "dist", "cli", "main.js");
/** torch's environment, made by tests/peers/setup.sh. */
export const python = join(root, ".venv", "bin", "python");
/** What the figures in README.md are about. */
export const smollm2 = join(homedir(), ".cache", "coxswain", "models", "smollm2-135m-instruct");
const quickstart = join(root, "examples", "quickstart");
export const quickstartModel = join(quickstart, "model");

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * Reads the command line. An option has the type of its default: a number, a list of either ("1,2,4"), a boolean; a
 * string or undefined takes a string. `--smoke` takes the values of `smoke` in place of the defaults: the smallest run.
 */
export function readOptions(defaults, smoke) {
  const all = { ...defaults, smoke: false };
  const options = Object.entries(all).map(([name, value]) => [
    name,
    { type: typeof value === "boolean" ? "boolean" : "string" },
  ]);
  const { values } = parseArgs({ options: Object.fromEntries(options) });
  const typed = (name, text, like) => {
    if (Array.isArray(like)) return text.split(",").map((part) => typed(name, part, like[0]));
    if (typeof like !== "number") return text;
    if (text.trim() === "" || !Number.isFinite(Number(text))) throw new Error(`--${name}: ${text} is not a number`);
    return Number(text);
  };
  const given = Object.entries(values).map(([name, text]) => [name, typed(name, text, all[name])]);
  return { ...all, ...(values.smoke ? smoke : {}), ...Object.fromEntries(given) };
}

/** Starts Node, and ends it with this process, also where this one fails. */
export function startNode(args, options) {
  const child = spawn(process.execPath, args, options);
  process.once("exit", () => child.kill("SIGKILL"));
  return child;
}

/**
 * Starts `coxswain coordinator` for a benchmark that brings its own workers.
 *
 * @param {object} settings of the run file, beside those that all have
 * @param {{ nodeFlags?: string[], onOutput?: (printed: string, pid: number) => void }} [options] onOutput is called with
 *   all that was printed whenever there is more
 * @returns the run's settings, the address to reach it at, `finished`, which rejects where it fails, and `remove` for its
 *   folder
 */
export async function startCoordinator({ training, cluster, ...settings }, { nodeFlags = [], onOutput } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const run = {
    model: quickstartModel,
    output_dir: join(folder, "out"),
    data: { train: join(quickstart, "data", "train.jsonl"), max_length: 256 },
    compute: { threads: 1 },
    telemetry: { http: null },
    ...settings,
    training: { save_steps: 10_000, ...training },
    cluster: { listen: "127.0.0.1:0", ...cluster },
  };
  writeFileSync(join(folder, "run.yaml"), JSON.stringify(run));
  const words = [...nodeFlags, program, "coordinator", join(folder, "run.yaml")];
  const child = startNode(words, { stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  const finished = once(child, "close").then(([code]) => {
    if (code !== 0) throw new Error(`the coordinator ended with ${code}:\n${printed}`);
  });
  const address = await new Promise((resolve, reject) => {
    finished.then(() => reject(new Error(`the coordinator did not listen:\n${printed}`)), reject);
    child.stdout.on("data", (data) => {
      printed += data;
      const listening = /listening on (\S+)/.exec(printed);
      if (listening !== null) resolve(listening[1]);
      onOutput?.(printed, child.pid);
    });
  });
  return { run, address, finished, remove: () => rmSync(folder, { recursive: true }) };
}
