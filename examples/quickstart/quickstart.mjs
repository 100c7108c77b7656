/**
 * The quickstart: measure the base model, fine-tune it on two worker processes, measure it again. Everything it does is
 * a `coxswain` command that you can type yourself; it prints each one.
 *
 *   npm run quickstart                       in a clone
 *   npm run quickstart -- --workers 3        further arguments go to `coxswain train`
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const project = join(here, "..", "..");
const built = join(project, "dist", "cli", "main.js");
const run = join(here, "run.yaml");
const output = join(here, "runs", "quickstart");
const adapter = join(output, "adapter");
/** Number of answers shown side by side. */
const shown = 4;

// Ctrl-C is handled by the running command: it saves and exits, and this script follows.
process.on("SIGINT", () => undefined);

if (!existsSync(built) && existsSync(join(project, "src"))) build();
// The output of an earlier quickstart may be deleted.
rmSync(output, { recursive: true, force: true });

heading("1/3  The base model, which has never seen a tool call");
const before = evaluate();
heading("2/3  Fine-tuning: a coordinator and two workers, over gRPC on this machine");
coxswain(["train", path(run), ...process.argv.slice(2)]);
heading("3/3  The base model with the adapter");
const after = evaluate("--adapter", path(adapter));
report();

/** Prints a `coxswain` command and runs it; exits with its exit code if it fails. */
function coxswain(args, stdout = "inherit") {
  console.log(`$ coxswain ${args.join(" ")}`);
  // A clone and an installed package contain the program; a copy of this folder takes it from PATH.
  const [command, ...first] = existsSync(built) ? [process.execPath, built] : ["coxswain"];
  const result = spawnSync(command, [...first, ...args], {
    stdio: ["inherit", stdout, "inherit"],
    encoding: "utf8",
    maxBuffer: 64 * 1024 ** 2,
  });
  if (result.status !== 0) {
    if (result.error) console.error(`error: ${result.error.message}`);
    process.exit(result.status ?? 1);
  }
  return result.stdout;
}

/** Loss, exact match and answers on eval.jsonl. */
function evaluate(...options) {
  const found = JSON.parse(
    coxswain(["eval", path(run), ...options, "--exact-match", "--show", String(shown), "--json"], "pipe"),
  );
  console.log(`${found.exact_matches} of ${found.answers_total} answers correct, loss ${found.loss.toFixed(3)}`);
  return found;
}

function report() {
  const percent = ({ exact_match: share }) => `${(100 * share).toFixed(1)} %`;
  const row = (name, left, right) => console.log(`${name.padEnd(14)}${left.padStart(10)}${right.padStart(12)}`);
  heading(`Before and after, on ${after.answers_total} requests that were not in the training data`);
  row("", "before", "after");
  row("exact match", percent(before), percent(after));
  row("loss", before.loss.toFixed(3), after.loss.toFixed(3));
  for (const [index, { question, expected, answer }] of after.answers.entries()) {
    console.log(`\n  asked     ${oneLine(question)}`);
    console.log(`  before    ${oneLine(before.answers[index].answer)}`);
    console.log(`  after     ${oneLine(answer)}`);
    if (answer !== expected) console.log(`  expected  ${oneLine(expected)}`);
  }
  // A clone has no `coxswain` on the PATH, but npx finds it.
  const type = existsSync(join(project, "src")) ? "npx coxswain" : "coxswain";
  heading("Output");
  console.log(`adapter       ${path(adapter)}  (loads in PEFT, vLLM and llama.cpp's converter)`);
  console.log(`metrics       ${path(join(output, "metrics.jsonl"))}`);
  heading("What to try next");
  console.log(`${type} generate --adapter ${path(adapter)} --prompt "dim the attic light to 30%"`);
  console.log(`${type} preview ${path(run)}                 shows the training tokens`);
  console.log(`${type} merge --adapter ${path(adapter)} --output merged`);
  console.log(
    `\nFor your own data, copy ${path(run)} and change model, data and output_dir. docs/run-file.md describes every key.`,
  );
}

/** Removes control characters and line breaks, which an untrained answer may contain. */
function oneLine(text) {
  const clean = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return clean.length > 90 ? `${clean.slice(0, 89)}…` : clean;
}

/** The path relative to the working folder. */
function path(absolute) {
  return relative(process.cwd(), absolute) || ".";
}

function heading(text) {
  console.log(`\n${text}\n`);
}

function build() {
  if (!existsSync(join(project, "node_modules"))) {
    console.error("error: the dependencies are not installed\nhint: npm ci");
    process.exit(2);
  }
  for (const script of ["clean", "build"]) {
    const { status } = spawnSync("npm", ["run", script], { cwd: project, stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
  }
}
