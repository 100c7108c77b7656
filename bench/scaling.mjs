/**
 * The tables of docs/scaling.md: what a step costs beyond its computing, by the formulas, and how far they are from a
 * simulation of the product's own coordinator and workers.
 *
 *     npm run build && node bench/scaling.mjs [--check 8,64,512] [--only check|shares|limits] [--smoke]
 *
 * The check of 512 workers takes minutes; `--check 8,64` half a minute. Nothing is measured here: the constants are in
 * scaling/costs.ts, and scaling/measure.mjs measures them.
 */
import { fileURLToPath } from "node:url";
import { loadBuilt } from "../scripts/load-typescript.mjs";
import { readOptions } from "./shared.mjs";

const { allReduceOnOneMachine, bestTwoLevelMesh, links, mesh, reducersOf, scenarioOf, simulate, star } =
  await loadBuilt(fileURLToPath(new URL("scaling/index.ts", import.meta.url)));

const options = readOptions({ check: [8, 64, 512], only: undefined }, { check: [8] });

const sizes = [1e6, 5e6, 20e6, 80e6];
const dtypes = ["float32", "bfloat16"];
const counts = [8, 64, 512];

const wanted = (table) => options.only === undefined || options.only === table;
const millions = (floats) => `${floats / 1e6} M`;
const short = { float32: "f32", bfloat16: "bf16" };
const seconds = (value) => (value < 0.0995 ? `${(value * 1000).toFixed(0)} ms` : `${value.toPrecision(2)} s`);
const off = (model, simulated) =>
  `${model >= simulated ? "+" : "−"}${Math.abs((model / simulated - 1) * 100).toFixed(1)} %`;

function table(head, rows) {
  console.log(`| ${head.join(" | ")} |\n| ${head.map(() => "---").join(" | ")} |`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
  console.log("");
}

// ---------------------------------------------------------------- model and simulation

/** Points of the check: where the star of many would take minutes a step, nobody asks. */
const checked = {
  8: [
    [1e6, "lan"],
    [5e6, "lan"],
    [20e6, "lan"],
    [5e6, "wan"],
    [20e6, "wan"],
  ],
  64: [
    [1e6, "lan"],
    [5e6, "lan"],
    [20e6, "lan"],
    [1e6, "wan"],
    [5e6, "wan"],
  ],
  512: [
    [1e6, "lan"],
    [5e6, "lan"],
  ],
};

async function check(workers) {
  const rows = [];
  for (const [floats, link] of checked[workers])
    for (const scheme of ["star", "mesh"]) {
      const scenario = scenarioOf({
        workers,
        floats,
        dtype: "float32",
        link: links[link],
        scheme,
        steps: workers > 64 ? 1 : 2,
      });
      const model = (scheme === "star" ? star : mesh)(scenario);
      const simulated = await simulate(scenario);
      if (simulated.lost > 0) continue;
      const both = (pick, show) => `${show(pick(simulated))} (${off(pick(model), pick(simulated))})`;
      const megabytes = (value) => `${(value / 1e6).toFixed(0)} MB`;
      rows.push([
        workers,
        scheme,
        millions(floats),
        link.toUpperCase(),
        both((of) => of.reductionSeconds, seconds),
        both((of) => of.coordinator.cpuSeconds, seconds),
        both((of) => of.worker.cpuSeconds, seconds),
        both((of) => of.coordinator.bytesIn + of.coordinator.bytesOut, megabytes),
        both((of) => of.worker.bytesIn + of.worker.bytesOut, megabytes),
        `${simulated.calls} (${off(model.calls, simulated.calls)})`,
        both((of) => of.coordinator.messageBytesSent, megabytes),
        seconds(simulated.machineSeconds),
      ]);
    }
  return rows;
}

async function printCheck() {
  const head = ["workers", "", "floats", "link", "overhead", "CPU, coordinator", "CPU, busiest worker"];
  head.push("bytes, coordinator", "bytes, busiest worker", "pulls", "control sent", "state machine, real time");
  const rows = [];
  for (const workers of options.check) rows.push(...(await check(workers)));
  console.log("## A step in the simulation, and how far the formulas are from it\n");
  table(head, rows);
}

async function printOneMachine() {
  const rows = [];
  for (const workers of [4, 8])
    for (const floats of [5e6, 20e6])
      for (const variant of ["star", "mesh", "mesh+coordinator"]) {
        const scenario = { workers, floats, dtype: "float32", variant, cores: 2 };
        const result = await allReduceOnOneMachine(scenario);
        rows.push([
          workers,
          millions(floats),
          variant,
          `${(result.seconds * 1000).toFixed(0)} ms`,
          `${result.cpuSeconds.toFixed(2)} s`,
        ]);
      }
  console.log("## bench/all-reduce.mjs on two cores, simulated\n");
  table(["processes", "floats", "", "wall", "CPU of all"], rows);
}

// ---------------------------------------------------------------- what the formulas say

const schemes = {
  star: (scenario) => star(scenario),
  mesh: (scenario) => mesh({ ...scenario, reducers: reducersOf(scenario.workers, scenario.floats) }),
  "two levels": (scenario) => bestTwoLevelMesh(scenario),
};

function printShares() {
  for (const [name, link] of Object.entries(links)) {
    const rows = [];
    for (const dtype of dtypes)
      for (const floats of sizes) {
        const cells = counts.flatMap((workers) =>
          Object.values(schemes).map((scheme) => {
            const { reductionSeconds, share } = scheme(scenarioOf({ workers, floats, dtype, link, scheme: "star" }));
            return `${seconds(reductionSeconds)}, ${(share * 100).toFixed(0)} %`;
          }),
        );
        rows.push([`${millions(floats)} ${short[dtype]}`, ...cells]);
      }
    console.log(`## ${name.toUpperCase()}: overhead beyond 1 s of computation, and its share of the step\n`);
    table(["", ...counts.flatMap((workers) => Object.keys(schemes).map((scheme) => `${workers}, ${scheme}`))], rows);
  }
}

/** The smallest number of workers for which a condition holds. */
function firstOf(is, among) {
  const found = among.find(is);
  return found === undefined ? `over ${among.at(-1)}` : String(found);
}

const every = Array.from({ length: 511 }, (_, index) => index + 2);
const powers = [4, 8, 16, 32, 64, 128, 256, 512];

function printLimits() {
  for (const [name, link] of Object.entries(links)) {
    const rows = [];
    for (const dtype of dtypes)
      for (const floats of sizes) {
        const at = (workers) => scenarioOf({ workers, floats, dtype, link, scheme: "star" });
        const beyond = (scheme, among, share) =>
          firstOf((workers) => schemes[scheme](at(workers)).share > share, among);
        const faster = (one, other, among) =>
          firstOf((workers) => schemes[one](at(workers)).stepSeconds < schemes[other](at(workers)).stepSeconds, among);
        const flat = firstOf(
          (workers) => Math.min(star(at(workers)).share, schemes.mesh(at(workers)).share) > 0.5,
          every,
        );
        rows.push([
          `${millions(floats)} ${short[dtype]}`,
          beyond("star", every, 0.1),
          beyond("star", every, 0.5),
          faster("mesh", "star", every),
          beyond("mesh", every, 0.1),
          flat,
          faster("two levels", "mesh", powers),
          beyond("two levels", powers, 0.5),
        ]);
      }
    console.log(`## ${name.toUpperCase()}: the smallest number of workers from which …\n`);
    const head = ["", "star over 10 %", "star over half the step", "mesh beats star", "mesh over 10 %"];
    table([...head, "both over half", "two levels beat the mesh", "two levels over half"], rows);
  }
}

function printCoordinator() {
  const rows = [];
  for (const workers of counts)
    for (const floats of [1e6, 5e6]) {
      const scenario = scenarioOf({ workers, floats, dtype: "float32", link: links.lan, scheme: "star" });
      const cells = Object.values(schemes).flatMap((scheme) => {
        const { coordinator, memory } = scheme(scenario);
        return [
          seconds(coordinator.cpuSeconds),
          `${(coordinator.messageBytesSent / 1e6).toFixed(1)} MB`,
          `${(memory / 1e9).toFixed(2)} GB`,
        ];
      });
      rows.push([workers, millions(floats), ...cells]);
    }
  console.log("## The coordinator a step: processor time, control bytes sent, memory for gradients\n");
  table(["workers", "floats", ...Object.keys(schemes).flatMap((name) => [`${name}: CPU`, "control", "memory"])], rows);
}

if (wanted("check")) {
  await printOneMachine();
  await printCheck();
}
if (wanted("shares")) printShares();
if (wanted("limits")) {
  printLimits();
  printCoordinator();
}
