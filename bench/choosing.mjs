/**
 * Which settings matter: trains the quickstart's model with several settings, one run after another, and prints a table
 * with the loss and the exact match on data/eval.jsonl. The figures of docs/choosing.md.
 *
 *   npm run build && nice node bench/choosing.mjs              everything, one to several minutes per row
 *   npm run build && nice node bench/choosing.mjs rate batch   these questions alone
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const project = join(dirname(fileURLToPath(import.meta.url)), "..");
const program = join(project, "dist", "cli", "main.js");
const run = join(project, "examples", "quickstart", "run.yaml");

/** Two epochs of 2,000 examples: as many rows for every batch size. */
const rows = 4000;
const batch = (size) => ({
  global_batch_size: size,
  micro_batch_size: Math.min(8, size),
  max_steps: rows / size,
});

/** By question: the settings that differ from the quickstart's run file, keys of `training` unless they start with ".". */
const questions = {
  rate: [3e-4, 1.9e-3, 3e-3, 3e-2].map((learning_rate) => ({ learning_rate })),
  schedule: ["cosine", "linear"].map((lr_scheduler_type) => ({ learning_rate: 3e-3, lr_scheduler_type })),
  batch: [4, 16, 32, 1].map((size) => batch(size)),
  quantization: [null, "nf4"].map((quantization) => ({ ".quantization": quantization })),
};

/** The run file's own values: a run with nothing else is trained once. */
const usual = {
  learning_rate: 3e-3,
  lr_scheduler_type: "cosine",
  global_batch_size: 16,
  micro_batch_size: 8,
  max_steps: 250,
  ".quantization": null,
};
const measured = new Map();

const smoke = process.argv.includes("--smoke");
const asked = smoke ? ["rate"] : process.argv.slice(2);
const unknown = asked.find((name) => !(name in questions));
if (unknown !== undefined) {
  console.error(`error: no question "${unknown}"; there are ${Object.keys(questions).join(", ")}`);
  process.exit(2);
}

for (const name of asked.length === 0 ? Object.keys(questions) : asked) {
  console.log(`\n${name}\n\n| settings | loss of the last 20 steps | eval loss | exact match | seconds |`);
  console.log("| --- | --- | --- | --- | --- |");
  for (const settings of smoke ? [{ max_steps: 2 }] : questions[name]) console.log(row(settings, measure(settings)));
}

function measure(settings) {
  const changed = Object.entries(settings).filter(([key, value]) => usual[key] !== value);
  const name = JSON.stringify(changed);
  if (!measured.has(name)) measured.set(name, trainAndEvaluate(Object.fromEntries(changed)));
  return measured.get(name);
}

function trainAndEvaluate(settings) {
  const output = mkdtempSync(join(tmpdir(), "coxswain-choosing-"));
  try {
    const sets = Object.entries({ ...settings, ".output_dir": output, save_steps: 100_000_000 }).flatMap(
      ([key, value]) => ["--set", `${key.startsWith(".") ? key.slice(1) : `training.${key}`}=${value}`],
    );
    const started = performance.now();
    const { status, stderr } = coxswain(["train", run, ...sets]);
    const seconds = (performance.now() - started) / 1000;
    if (status !== 0) return { failed: stderr.trim().split("\n")[0], seconds };
    const losses = readFileSync(join(output, "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const last = losses.filter((line) => "loss" in line).slice(-20);
    const quantization = settings[".quantization"] === "nf4" ? ["--quantization", "nf4"] : [];
    const evaluated = coxswain([
      "eval",
      run,
      "--adapter",
      join(output, "adapter"),
      "--exact-match",
      ...(smoke ? ["--limit", "2"] : []),
      "--json",
      ...quantization,
    ]);
    if (evaluated.status !== 0) return { failed: evaluated.stderr.trim().split("\n")[0], seconds };
    const { loss, exact_match: exactMatch } = JSON.parse(evaluated.stdout);
    return { trained: last.reduce((sum, line) => sum + line.loss, 0) / last.length, loss, exactMatch, seconds };
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

function coxswain(args) {
  return spawnSync(process.execPath, [program, ...args], { encoding: "utf8", maxBuffer: 64 * 1024 ** 2 });
}

function row(settings, { failed, trained, loss, exactMatch, seconds }) {
  const words = Object.entries(settings).map(([key, value]) => `${key.replace(/^\./, "")}: ${value}`);
  const found = failed ?? `${trained.toFixed(3)} | ${loss.toFixed(3)} | ${(100 * exactMatch).toFixed(1)} %`;
  return `| ${words.join(", ")} | ${found} | ${seconds.toFixed(0)} |`;
}
