/**
 * The sum of the workers' gradients, from "every process has its own" to "every process has the sum": coxswain's star and
 * mesh, in float32 and bfloat16, beside torch.distributed's all-reduce over Gloo, on this machine.
 *
 *     npm run build && tests/peers/setup.sh
 *     node bench/all-reduce.mjs [--processes 2,4,8] [--floats 1000000,5000000,20000000] [--repetitions 9]
 *         [--variants gloo,star,mesh,…] [--python .venv/bin/python] [--json] [--profile FOLDER] [--smoke]
 *
 * Real processes and the product's own modules (data server, peers, slice reducer, tree). What the coordinator's control
 * streams do in a run is done here by lines on standard input and output, for Gloo's processes as well. All take turns,
 * A B C … A B C …, so that a change of the machine's speed meets every one; ratios are of the same turn. Processor
 * seconds are of all processes together.
 *
 * `mesh` is the workers alone; `mesh+coordinator` has the coordinator pull every slice before the workers may, as in a
 * run, where it keeps a replica, too. In `star` the coordinator is a process of its own in any case. Without `gloo` among
 * the variants (as with --smoke) torch is not needed. `--profile` runs coxswain's processes under --cpu-prof.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { bytesOf } from "../dist/collective/index.js";
import { VectorPool } from "../dist/collective/vector-pool.js";
import { Contributions } from "../dist/worker/gradient/contributions.js";
import { startDataServer } from "../dist/worker/grpc/data-server.js";
import { Peers } from "../dist/worker/grpc/peers.js";
import { SliceReducer } from "../dist/worker/gradient/slice-reducer.js";
import { median, python, readOptions, root } from "./shared.mjs";

const runId = "all-reduce";

const variants = {
  star: { mesh: false, coordinator: true, dtype: "float32" },
  mesh: { mesh: true, coordinator: false, dtype: "float32" },
  "mesh+coordinator": { mesh: true, coordinator: true, dtype: "float32" },
  "star bf16": { mesh: false, coordinator: true, dtype: "bfloat16" },
  "mesh bf16": { mesh: true, coordinator: false, dtype: "bfloat16" },
  "mesh+coordinator bf16": { mesh: true, coordinator: true, dtype: "bfloat16" },
};

const settings = readOptions(
  {
    processes: [2, 4, 8],
    floats: [1_000_000, 5_000_000, 20_000_000],
    repetitions: 9,
    variants: ["gloo", ...Object.keys(variants)],
    python,
    json: false,
    profile: undefined,
    // Of the processes that this one starts.
    member: -1,
    members: 0,
  },
  { processes: [2], floats: [10_000], repetitions: 1, variants: Object.keys(variants) },
);

// ---------------------------------------------------------------- a worker, or the coordinator

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const node = (first) => ({ first, count: 1 });

/** Member `index` of `workers` workers; the one after the last is the coordinator, which has no gradient. */
async function takePart(index, workers, floats) {
  const pool = new VectorPool(floats);
  const contributions = new Contributions(pool);
  const reduced = new Float32Array(floats);
  const gradient = pool.take();
  if (index < workers) for (let at = 0; at < floats; at++) gradient[at] = Math.sin(at + index * 7919) / (1 + (at % 97));
  const server = await startDataServer({ host: "127.0.0.1", port: 0, tls: false });
  const workerId = String(index);
  const links = {};
  let peers = [];
  let run;
  let cpu;

  /** Elements of slice `of` of `slices`. */
  const rangeOf = (of, slices) => {
    const offset = Math.floor((floats * of) / slices);
    return { step: run.step, offset, length: Math.floor((floats * (of + 1)) / slices) - offset };
  };
  const own = (step, wanted) => contributions.get(step, wanted);

  const commands = {
    peers: (message) => {
      peers = message.peers;
      say({ event: "ready" });
    },
    /** Everything of the run before is let go, and the gradient is there. */
    prepare: (message) => {
      run?.reducer.close();
      contributions.release(Number.POSITIVE_INFINITY);
      const { step, mesh, dtype } = message;
      run = { step, mesh, dtype, dtypeLinks: (links[dtype] ??= new Peers(runId, dtype)) };
      if (index < workers) {
        const vector = pool.take();
        vector.set(gradient);
        contributions.put(step, node(index), vector);
      }
      const mine = mesh ? rangeOf(index, workers) : { step, offset: 0, length: floats };
      run.reducer = new SliceReducer({
        ...mine,
        slice: index,
        roundShards: workers,
        dtype,
        pool,
        workerId,
        own,
        // Nobody announces checksums here.
        pull: async (peer, range, into, options) => {
          await run.dtypeLinks.pullContribution(peer, range, into, options);
          return 0;
        },
        onComplete: () => say({ event: "reduced" }),
        onFailed: ({ reason }) => {
          throw new Error(reason);
        },
      });
      server.serve({
        runId,
        dtype,
        contribution: own,
        slice: (_step, offset, length) =>
          run.reducer.result?.subarray(offset - mine.offset, offset - mine.offset + length),
        replica: () => undefined,
        hold: (vector) => pool.hold(vector),
        onSent: () => undefined,
      });
      cpu = process.cpuUsage();
      say({ event: "prepared" });
    },
    collect: () => {
      // Everyone begins with its own, and then with another worker than the others do.
      for (let place = 0; place < workers; place++) {
        const from = (index + place) % workers;
        run.reducer.collect([{ node: node(from), source: peers[from], checksum: 0 }]);
      }
    },
    /** Pulls slices from those that have summed them. */
    gather: async ({ slices }) => {
      await Promise.all(
        slices.map(async (from) => {
          const range = run.mesh ? rangeOf(from, workers) : { step: run.step, offset: 0, length: floats };
          const into = reduced.subarray(range.offset, range.offset + range.length);
          if (from === index) into.set(run.reducer.result);
          else await run.dtypeLinks.pullSlice(peers[from], range, into);
        }),
      );
      say({ event: "gathered" });
    },
    usage: () => {
      const { user, system } = process.cpuUsage(cpu);
      say({ event: "usage", cpu: (user + system) / 1e6 });
    },
    checksum: () => say({ event: "checksum", value: crc32(bytesOf(reduced)) }),
  };

  say({ event: "started", peer: { workerId, address: `127.0.0.1:${server.port}`, key: server.key, certificate: [] } });
  for await (const line of createInterface({ input: process.stdin })) {
    const { command, ...message } = JSON.parse(line);
    void commands[command](message);
  }
  for (const link of Object.values(links)) link.close();
  await server.close();
}

// ---------------------------------------------------------------- the parent

/** A child process that is told things by lines, and answers by lines. */
class Member {
  #process;
  #answers = [];
  #waiting = [];

  constructor(command, args, options) {
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], ...options });
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      const message = JSON.parse(line);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#answers.push(message);
      else waiting(message);
    });
    this.#process.on("exit", (code) => {
      if (code !== 0) throw new Error(`a process of the benchmark ended with code ${code}`);
    });
  }

  tell(line) {
    this.#process.stdin.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  }

  answer() {
    const answer = this.#answers.shift();
    return answer === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(answer);
  }

  ask(line) {
    this.tell(line);
    return this.answer();
  }

  close() {
    return new Promise((resolve) => {
      this.#process.once("exit", resolve);
      this.#process.stdin.end();
    });
  }
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Gloo's processes. */
async function startGloo(python, processes, floats) {
  const folder = mkdtempSync(join(tmpdir(), "all-reduce-"));
  const members = Array.from({ length: processes }, (_, rank) => {
    const args = { rank, processes, floats, store: join(folder, "store") };
    const flags = Object.entries(args).flatMap(([name, value]) => [`--${name}`, String(value)]);
    return new Member(python, [join(root, "bench", "all_reduce_gloo.py"), ...flags], {
      env: { ...process.env, GLOO_SOCKET_IFNAME: "lo" },
    });
  });
  const all = (line) => Promise.all(members.map((member) => member.ask(line)));
  await Promise.all(members.map((member) => member.answer()));
  return {
    run: async () => {
      await all("prepare");
      const start = performance.now();
      const done = await all("go");
      return { ms: performance.now() - start, cpu: sum(done.map(({ cpu }) => cpu)) };
    },
    close: async () => {
      await Promise.all(members.map((member) => member.close()));
      rmSync(folder, { recursive: true });
    },
  };
}

/** coxswain's processes, which run any variant. */
async function startOurs(workers, floats, profile) {
  const flags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const members = Array.from({ length: workers + 1 }, (_, index) => {
    const args = ["--member", String(index), "--members", String(workers), "--floats", String(floats)];
    return new Member(process.execPath, [...flags, fileURLToPath(import.meta.url), ...args]);
  });
  const [coordinator, others] = [members.at(-1), members.slice(0, -1)];
  const all = (some, line) => Promise.all(some.map((member) => member.ask(line)));
  const peers = (await Promise.all(members.map((member) => member.answer()))).map(({ peer }) => peer);
  await all(members, { command: "peers", peers });
  let step = 0;
  const everySlice = others.map((_, index) => index);

  const star = async () => {
    await coordinator.ask({ command: "collect" });
    await all(others, { command: "gather", slices: [workers] });
  };
  const mesh = async (withCoordinator) => {
    const pulled = others.map(async (member, index) => {
      await member.ask({ command: "collect" });
      // As soon as it can be had: slices come to the coordinator one by one.
      if (withCoordinator) coordinator.tell({ command: "gather", slices: [index] });
    });
    await Promise.all(pulled);
    if (withCoordinator) for (let slice = 0; slice < workers; slice++) await coordinator.answer();
    await all(others, { command: "gather", slices: everySlice });
  };

  return {
    run: async (name) => {
      const variant = variants[name];
      const taking = variant.coordinator ? members : others;
      await all(members, { command: "prepare", step: ++step, ...variant });
      const start = performance.now();
      if (variant.mesh) await mesh(variant.coordinator);
      else await star();
      const ms = performance.now() - start;
      const usage = await all(taking, { command: "usage" });
      return { ms, cpu: sum(usage.map(({ cpu }) => cpu)) };
    },
    /** Of the sum, the same in every process. */
    checksum: async () => {
      const values = new Set((await all(others, { command: "checksum" })).map(({ value }) => value));
      if (values.size !== 1) throw new Error("the processes do not hold the same sum");
      return [...values][0];
    },
    close: () => Promise.all(members.map((member) => member.close())),
  };
}

async function measure(processes, floats) {
  const names = settings.variants.filter((name) => name !== "gloo");
  const ours = await startOurs(processes, floats, settings.profile);
  const withGloo = settings.variants.includes("gloo");
  const gloo = withGloo ? await startGloo(settings.python, processes, floats) : undefined;
  const runs = Object.fromEntries(settings.variants.map((name) => [name, []]));
  const sums = {};
  for (let turn = -2; turn < settings.repetitions; turn++) {
    const results = gloo === undefined ? {} : { gloo: await gloo.run() };
    for (const name of names) {
      results[name] = await ours.run(name);
      // In every variant of one type the same bits.
      const { dtype } = variants[name];
      if (turn < 0 && (sums[dtype] ??= await ours.checksum()) !== (await ours.checksum()))
        throw new Error(`${name} has another sum`);
    }
    // The first turns open connections and warm compilers up.
    if (turn >= 0) for (const [name, result] of Object.entries(results)) runs[name].push(result);
  }
  await ours.close();
  await gloo?.close();
  return Object.entries(runs).map(([name, results]) => ({
    processes,
    floats,
    variant: name,
    ms: median(results.map(({ ms }) => ms)),
    best_ms: Math.min(...results.map(({ ms }) => ms)),
    to_gloo: gloo && median(results.map(({ ms }, turn) => ms / runs.gloo[turn].ms)),
    cpu_seconds: median(results.map(({ cpu }) => cpu)),
  }));
}

function print(rows) {
  const line = (...cells) =>
    console.log(cells.map((cell, at) => cell[at === 2 ? "padEnd" : "padStart"](at === 2 ? 24 : 12)).join(""));
  line("processes", "floats", "  variant", "median ms", "best ms", "to Gloo", "CPU s");
  for (const { processes, floats, variant, ms, best_ms: best, to_gloo: ratio, cpu_seconds: cpu } of rows)
    line(
      String(processes),
      `${floats / 1e6} M`,
      `  ${variant}`,
      ms.toFixed(1),
      best.toFixed(1),
      ratio?.toFixed(2) ?? "",
      cpu.toFixed(2),
    );
}

async function main() {
  if (settings.member >= 0) {
    await takePart(settings.member, settings.members, settings.floats[0]);
    return;
  }
  const rows = [];
  for (const processes of settings.processes)
    for (const floats of settings.floats) {
      const measured = await measure(processes, floats);
      if (!settings.json) print(measured);
      rows.push(...measured);
    }
  if (settings.json) console.log(JSON.stringify(rows));
}

await main();
