/**
 * Generates the support matrix of docs/engines.md from results of the numerics suite. The last runs, with machines and
 * dates, are recorded in docs/engines-runs.json: results for devices that this machine lacks (a GPU, TensorFlow's
 * library) are kept from other machines.
 *
 *   node scripts/engines-table.mjs            writes the table from the recorded runs
 *   node scripts/engines-table.mjs --run      runs the suite first, and records it; vitest's own
 *                                            options may follow: -t NAME, --project webgpu
 *   node scripts/engines-table.mjs --check    exits with 1 if the page is out of date, or a golden case was never run
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const recordFile = join(root, "docs", "engines-runs.json");
const pageFile = join(root, "docs", "engines.md");
const [begin, end] = ["<!-- scripts/engines-table.mjs: begin -->", "<!-- scripts/engines-table.mjs: end -->"];

const columns = {
  onnx: "`onnx` on CPU",
  "onnx on webgpu": "`onnx` on WebGPU",
  "onnx on cuda": "`onnx` on CUDA",
  tfjs: "`tfjs` on WebAssembly",
  "tfjs native": "`tfjs`, native, CPU",
  "tfjs native on cuda": "`tfjs`, native, CUDA",
};
const everywhere = Object.keys(columns);

/** Rows that are not families: which tests, or golden case, they stand for, and where they are refused by name. */
const options = [
  {
    name: "every operation's gradient, against finite differences",
    tests: [["operations", /gradients match finite differences/]],
  },
  {
    name: "packed rows, padding, loss in chunks",
    tests: [["invariance", /packed examples|padding and its|a loss in chunks/]],
  },
  {
    name: "dropout, same elements on all engines",
    tests: [
      ["dropout", /the engines drop the same elements/],
      ["tfjs-native", /dropout and a key/],
    ],
  },
  {
    name: "`gradient_checkpointing`, same bits",
    tests: [
      ["invariance", /gradient checkpointing keeps/],
      ["tfjs-native", /so does gradient checkpointing/],
    ],
  },
  {
    name: "repeated calls, same bits",
    tests: [
      ["invariance", /and earlier calls do not change bits/],
      ["tfjs-native", /the same call gives the same bits/],
    ],
  },
  {
    name: "generation with a key/value cache",
    tests: [
      ["decoder", /logits with a cache equal/],
      ["tfjs-native", /a key\/value cache/],
    ],
  },
  {
    name: "`compute.dtype: float16`",
    tests: [["precision", /^onnx on webgpu .*float16/]],
    refused: ["onnx", "tfjs", "tfjs native", "tfjs native on cuda"],
  },
  {
    name: "`compute.dtype: bfloat16`",
    refused: ["onnx", "onnx on webgpu", "tfjs", "tfjs native", "tfjs native on cuda"],
  },
  { name: "`quantization: nf4`", golden: "qwen3-nf4" },
];

/** The families that golden cases are of, and their cases. */
function families() {
  const found = new Map();
  for (const name of readdirSync(join(root, "tests", "golden")).sort()) {
    const config = join(root, "tests", "golden", name, "model", "config.json");
    if (!existsSync(config)) continue;
    const family = JSON.parse(readFileSync(config, "utf8")).model_type;
    found.set(family, [...(found.get(family) ?? []), name]);
  }
  return found;
}

/** The columns that a test of the suite is about: its title begins with an engine, or it compares them. */
function columnsOf({ project, file, title }) {
  if (file.startsWith("tfjs-native.")) return ["tfjs native"];
  const engine = /^(onnx on webgpu|onnx|tfjs)\b/.exec(title)?.[1];
  if (engine !== undefined) return [engine];
  return project === "webgpu" ? ["onnx on webgpu"] : ["onnx", "tfjs"];
}

/** What a test says of: golden cases ("golden: NAME") and options, by name. */
function subjectsOf({ file, title }, cases) {
  const golden = /^(golden|tfjs-native)\./.test(file) ? cases.filter((name) => title.includes(` ${name}: `)) : [];
  const named = options.filter(({ tests = [] }) =>
    tests.some(([prefix, pattern]) => file.startsWith(`${prefix}.`) && pattern.test(title)),
  );
  return [...golden.map((name) => `golden: ${name}`), ...named.map(({ name }) => name)];
}

/** Enters a report of the suite: a subject of which any test failed did not run. */
function enter(record, results, date) {
  const cases = [...families().values()].flat();
  const states = new Map();
  for (const result of results.filter(({ state }) => state !== "skipped" && state !== "pending")) {
    for (const column of columnsOf(result)) {
      for (const subject of subjectsOf(result, cases)) {
        const key = JSON.stringify([column, subject]);
        states.set(key, (states.get(key) ?? true) && result.state === "passed");
      }
    }
  }
  for (const [key, passed] of states) {
    const [column, subject] = JSON.parse(key);
    const runs = (record.runs[column] ??= {});
    if (passed) runs[subject] = date;
    else delete runs[subject];
  }
  for (const [column, runs] of Object.entries(record.runs)) {
    record.runs[column] = Object.fromEntries(Object.entries(runs).sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function table(record) {
  const rows = [["", ...Object.values(columns)], everywhere.map(() => "---").concat("---")];
  const ran = (column, subject) => record.runs[column]?.[subject] !== undefined;
  for (const [family, cases] of [...families()].sort()) {
    const about = record.families[family];
    const cells = everywhere.map((column) => {
      const count = cases.filter((name) => ran(column, `golden: ${name}`)).length;
      if (count === 0) return "not run";
      return count === cases.length ? "yes" : `${count} of ${cases.length} cases`;
    });
    rows.push([about === undefined ? family : `${family} (${about})`, ...cells]);
  }
  for (const { name, golden, refused = [] } of options) {
    const subject = golden === undefined ? name : `golden: ${golden}`;
    const other = (column) => (refused.includes(column) ? "not supported" : "not run");
    rows.push([name, ...everywhere.map((column) => (ran(column, subject) ? "yes" : other(column)))]);
  }
  const oldest = everywhere.map((column) => Object.values(record.runs[column] ?? {}).sort()[0] ?? "never");
  rows.push(["oldest of these runs", ...oldest]);
  return rows.map((cells) => `| ${cells.join(" | ")} |`.replace("|  |", "| |")).join("\n");
}

/** The page with the table in its place. */
function pageWith(record) {
  const page = readFileSync(pageFile, "utf8");
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/engines.md has no place for the table: ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${table(record)}\n\n${page.slice(to)}`;
}

function runSuite(more) {
  const scratch = mkdtempSync(join(tmpdir(), "numerics-"));
  const report = join(scratch, "report.json");
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const projects = more.includes("--project") ? [] : ["--project", "unit", "--project", "webgpu"];
  const args = ["run", ...projects, "tests/unit/compute", ...more];
  args.push("--reporter=default", "--reporter=./tests/support/numerics-reporter.ts");
  spawnSync(process.execPath, [vitest, ...args], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, COXSWAIN_NUMERICS_REPORT: report },
  });
  const results = JSON.parse(readFileSync(report, "utf8"));
  rmSync(scratch, { recursive: true });
  return results;
}

const record = JSON.parse(readFileSync(recordFile, "utf8"));
const [command, ...more] = process.argv.slice(2);
if (command === "--check") {
  const cases = [...families().values()].flat();
  const never = ["onnx", "tfjs"].flatMap((column) =>
    cases
      .filter((name) => record.runs[column]?.[`golden: ${name}`] === undefined)
      .map((name) => `${name} on ${column}`),
  );
  const problems = never.length > 0 ? [`never run: ${never.join(", ")}`] : [];
  if (pageWith(record) !== readFileSync(pageFile, "utf8")) problems.push("the table is not that of the recorded runs");
  if (problems.length > 0) {
    console.error(`docs/engines.md: ${problems.join("; ")}. Run: node scripts/engines-table.mjs --run`);
    process.exitCode = 1;
  }
} else {
  if (command === "--run") {
    enter(record, runSuite(more), new Date().toISOString().slice(0, 10));
    writeFileSync(recordFile, `${JSON.stringify(record, null, 2)}\n`);
  }
  writeFileSync(pageFile, pageWith(record));
}
