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
/** How many answers are shown side by side. */
const shown = 4;

// Ctrl-C is for the command that runs: it saves, ends, and so does this.
process.on("SIGINT", () => undefined);

if (!existsSync(built) && existsSync(join(project, "src"))) build();
// The output of an earlier quickstart is this example's own.
rmSync(output, { recursive: true, force: true });

heading("1/3  The base model, which has never seen a tool call");
const before = evaluate();
heading("2/3  Fine-tuning: a coordinator and two workers, over gRPC on this machine");
coxswain(["train", path(run), ...process.argv.slice(2)]);
heading("3/3  The base model with the adapter");
const after = evaluate("--adapter", path(adapter));
report();

/** Runs `coxswain` and prints what was typed; ends where it fails, with its exit code. */
function coxswain(args, stdout = "inherit") {
  console.log(`$ coxswain ${args.join(" ")}`);
  // In a clone or an installed package the program is beside this; a copy of the folder takes it from PATH.
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
  console.log(`${found.exact_matches} of ${found.answers_total} answers right, loss ${found.loss.toFixed(3)}`);
  return found;
}

function report() {
  const percent = ({ exact_match: share }) => `${(100 * share).toFixed(1)} %`;
  const row = (name, left, right) => console.log(`${name.padEnd(14)}${left.padStart(10)}${right.padStart(12)}`);
  heading(`Before and after, on ${after.answers_total} requests that were not trained on`);
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
  heading("What there is now");
  console.log(`adapter       ${path(adapter)}  (loads in PEFT, vLLM and llama.cpp's converter)`);
  console.log(`every step    ${path(join(output, "metrics.jsonl"))}`);
  heading("What to type next");
  console.log(`${type} generate --adapter ${path(adapter)} --prompt "dim the attic light to 30%"`);
  console.log(`${type} preview ${path(run)}                 what is trained on, token by token`);
  console.log(`${type} merge --adapter ${path(adapter)} --output merged`);
  console.log(`\nYour own data: copy ${path(run)}, change model, data and output_dir. docs/run-file.md has every key.`);
}

/** Control characters and line breaks of an untrained answer would spoil the table. */
function oneLine(text) {
  const clean = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  return clean.length > 90 ? `${clean.slice(0, 89)}…` : clean;
}

/** As one would type it here. */
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
