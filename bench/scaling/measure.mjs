/**
 * Measures the constants of the cost model that no other benchmark gives: processor time of a pull at both ends, by call
 * and by byte, and of a control message at both ends, by message and by what it repeats. Two processes over loopback,
 * the product's own modules.
 *
 *     npm run build && node bench/scaling/measure.mjs [--repetitions 7] [--json] [--smoke]
 *
 * Prints medians of processor time as the kernel accounts it (`process.cpuUsage`: all threads, system time included).
 * What a batch costs is told from two sizes: the difference gives the rate, the rest is the call's.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { Metadata, ServerCredentials, credentials } from "@grpc/grpc-js";
import { addInto } from "../../dist/collective/index.js";
import { CoordinatorClient, controlChannelOptions, coordinatorService, listen } from "../../dist/rpc/index.js";
import { startDataServer } from "../../dist/worker/grpc/data-server.js";
import { Peers } from "../../dist/worker/grpc/peers.js";
import { median, readOptions } from "../shared.mjs";

const options = readOptions(
  { repetitions: 7, json: false, other: false, warmUp: 2, large: 5_000_000, share: 1, rounds: 5 },
  { repetitions: 1, warmUp: 0, large: 100_000, share: 0.05, rounds: 1 },
);

const runId = "scaling";
const streams = 64;
const connections = 8;
const pullsAtOnce = 4;
const GiB = 2 ** 30;
/** Of a server without TLS. */
const noCertificate = Buffer.alloc(0);

const cpuSeconds = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// ---------------------------------------------------------------- the other process: a worker, or many

/** Serves vectors, attends by many control streams, and says what that cost. */
async function beTheOther() {
  const servers = new Map();
  let clients = [];
  let heard = 0;
  let expected = 0;
  let cpu;
  const commands = {
    serve: async ({ dtype, floats }) => {
      const vector = new Float32Array(floats).fill(1.5);
      const server = servers.get(dtype) ?? (await startDataServer({ host: "127.0.0.1", port: 0, tls: false }));
      servers.set(dtype, server);
      server.serve({
        runId,
        dtype,
        contribution: () => vector,
        slice: (_step, offset, length) => vector.subarray(offset, offset + length),
        replica: () => undefined,
        hold: () => () => undefined,
        onSent: () => undefined,
      });
      return { port: server.port, key: server.key };
    },
    attend: async ({ address }) => {
      clients = Array.from({ length: streams }, () => {
        const client = new CoordinatorClient(address, credentials.createInsecure(), controlChannelOptions);
        const stream = client.attend(new Metadata());
        stream
          .on("error", () => undefined)
          .on("data", () => {
            if (++heard === expected) process.send({ heard });
          });
        stream.write({ heartbeat: {} });
        return { client, stream };
      });
      return {};
    },
    expect: ({ messages }) => {
      heard = 0;
      expected = messages;
      return {};
    },
    say: async ({ message, pause }) => {
      for (const { stream } of clients) {
        stream.write(message);
        if (pause > 0) await sleep(pause);
      }
      return {};
    },
    start: () => {
      cpu = process.cpuUsage();
      return {};
    },
    usage: () => ({ cpu: cpuSeconds(cpu) }),
    leave: async () => {
      for (const { stream, client } of clients) {
        stream.cancel();
        client.close();
      }
      await Promise.all([...servers.values()].map((server) => server.close()));
      setTimeout(() => process.disconnect(), 10);
      return {};
    },
  };
  process.on("message", async ({ command, ...rest }) => process.send({ answer: await commands[command](rest) }));
}

// ---------------------------------------------------------------- this process: the coordinator, or a reducer

class Other {
  #child = fork(fileURLToPath(import.meta.url), ["--other"]);
  #waiting = [];
  #onHeard = () => undefined;

  constructor() {
    process.once("exit", () => this.#child.kill("SIGKILL"));
    this.#child.on("message", ({ answer, heard }) => {
      if (heard === undefined) this.#waiting.shift()(answer);
      else this.#onHeard();
    });
  }

  ask(command, rest = {}) {
    this.#child.send({ command, ...rest });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  heardAll() {
    return new Promise((resolve) => (this.#onHeard = resolve));
  }

  exit() {
    return once(this.#child, "exit");
  }
}

/** Processor seconds of both processes while `act` runs. */
async function costOf(other, act) {
  await other.ask("start");
  const before = process.cpuUsage();
  await act();
  const here = cpuSeconds(before);
  const { cpu: there } = await other.ask("usage");
  return { here, there };
}

async function medianCost(other, act, divisor) {
  const costs = [];
  for (let turn = -options.warmUp; turn < options.repetitions; turn++) {
    const cost = await costOf(other, act);
    if (turn >= 0) costs.push(cost);
  }
  return {
    here: median(costs.map(({ here }) => here)) / divisor,
    there: median(costs.map(({ there }) => there)) / divisor,
  };
}

/** Pulls, a few at once, each over another connection, as a reducer does. */
async function pulls(other, { dtype, floats, calls, kind }) {
  const count = Math.ceil(calls * options.share);
  const { port, key } = await other.ask("serve", { dtype, floats });
  const peers = new Peers(runId, dtype);
  const peerOf = (index) => ({
    workerId: String(index % connections),
    address: `127.0.0.1:${port}`,
    key,
    certificate: noCertificate,
  });
  const [addend, reused] = [
    new Float32Array(floats),
    Array.from({ length: pullsAtOnce }, () => new Float32Array(floats)),
  ];
  let step = 0;
  const act = async () => {
    step++;
    let next = 0;
    const pullOn = async (lane) => {
      for (let index = next++; index < count; index = next++) {
        const range = { step, offset: 0, length: floats };
        const into = reused[lane];
        if (kind === "slice") await peers.pullSlice(peerOf(index), range, into);
        else
          await peers.pullContribution(peerOf(index), { ...range, node: { first: 0, count: 1 } }, into, {
            addend: kind === "added" ? addend : undefined,
          });
        // The star's coordinator adds what has come whole.
        if (kind === "whole") addInto(addend, into);
      }
    };
    await Promise.all(Array.from({ length: pullsAtOnce }, (_, lane) => pullOn(lane)));
  };
  const cost = await medianCost(other, act, count);
  peers.close();
  return cost;
}

async function measureBulk(other) {
  const [small, large] = [256, options.large];
  const rows = [];
  for (const dtype of ["float32", "bfloat16"])
    for (const kind of ["added", "whole", "slice"]) {
      const call = await pulls(other, { dtype, floats: small, calls: 400, kind });
      const whole = await pulls(other, { dtype, floats: large, calls: 16, kind });
      const chunk = await pulls(other, { dtype, floats: 65_536, calls: 200, kind });
      const bytes = (floats) => floats * (dtype === "float32" ? 4 : 2);
      const rate = (end) => (whole[end] - call[end]) / (bytes(large) / GiB);
      rows.push({
        dtype,
        kind,
        client_call_us: call.here * 1e6,
        server_call_us: call.there * 1e6,
        client_s_per_gib: rate("here"),
        server_s_per_gib: rate("there"),
        client_64k_us: chunk.here * 1e6,
        server_64k_us: chunk.there * 1e6,
      });
    }
  return rows;
}

const workerId = (index) => `worker-host-${index}-12345-abcdef`;
const parts = (count) =>
  Array.from({ length: count }, (_, index) => ({ first: index, count: 1, source: { workerId: workerId(index) } }));
const slices = (count) =>
  Array.from({ length: count }, (_, index) => ({
    offset: index * 65_536,
    length: 65_536,
    reducer: { workerId: workerId(index) },
  }));
const row = () => ({ inputIds: new Uint8Array(4096), labels: new Uint8Array(4096), segments: [1024] });
const lease = (shards) => ({
  lease: {
    task: "TASK_TRAIN",
    step: 7,
    first: 3,
    shards: Array.from({ length: shards }, () => ({ rows: [row(), row(), row(), row()] })),
    roundShards: 128,
    push: false,
  },
});
const commit = (count) => ({ commit: { step: 7, learningRate: 1e-4, scale: 1e-5, slices: slices(count) } });
const collect = (count) => ({ collect: { step: 7, slice: 3, parts: parts(count) } });
const computed = {
  computed: { task: "TASK_TRAIN", step: 7, shard: 3, lossSum: 2.5, supervisedTokens: 900, seconds: 0.4 },
};

const down = {
  "commit, 0 slices": commit(0),
  "commit, 64 slices": commit(64),
  "commit, 512 slices": commit(512),
  "collect, 1 part": collect(1),
  "collect, 64 parts": collect(64),
  "collect, 512 parts": collect(512),
  reduce: { reduce: { step: 7, slice: 3, offset: 65_536, length: 65_536, roundShards: 128 } },
  "lease, 1 shard of 4 x 1024 tokens": lease(1),
  "lease, 4 shards of 4 x 1024 tokens": lease(4),
};
const up = {
  computed,
  contribution: { contribution: { step: 7, first: 3, count: 1 } },
  applied: { applied: { step: 7, stateHash: "0123456789abcdef0123456789abcdef" } },
};

async function measureControl(other) {
  const calls = [];
  let heard = 0;
  let wake = () => undefined;
  const handlers = {
    Attend: (call) => {
      calls.push(call);
      call
        .on("data", () => {
          if (++heard === streams) wake();
        })
        .on("error", () => undefined);
    },
  };
  const server = await listen({
    host: "127.0.0.1",
    port: 0,
    credentials: ServerCredentials.createInsecure(),
    services: [{ name: "coxswain.v1.Coordinator", definition: coordinatorService, handlers }],
    token: null,
    refusal: "",
    largestMessage: 2 ** 20,
    addressKey: "bench",
  });
  const all = () => new Promise((resolve) => ((heard = 0), (wake = resolve)));
  const attending = all();
  await other.ask("attend", { address: `127.0.0.1:${server.port}` });
  await attending;
  const { rounds } = options;
  const rows = [];
  // Messages that come one by one each wake the process up; those that come together share that.
  for (const pause of [0, 2])
    for (const [name, message] of Object.entries({ ...down, ...up })) {
      const isDown = name in down;
      const { responseSerialize, requestSerialize } = coordinatorService.Attend;
      const act = async () => {
        for (let round = 0; round < rounds; round++) {
          if (isDown) {
            await other.ask("expect", { messages: streams });
            const done = other.heardAll();
            for (const call of calls) {
              call.write(message);
              if (pause > 0) await sleep(pause);
            }
            await done;
          } else {
            const done = all();
            await other.ask("say", { message, pause });
            await done;
          }
        }
      };
      const { here, there } = await medianCost(other, act, rounds * streams);
      rows.push({
        message: name,
        bytes: (isDown ? responseSerialize : requestSerialize)(message).length,
        every_ms: pause,
        coordinator_us: here * 1e6,
        worker_us: there * 1e6,
      });
    }
  await other.ask("leave");
  await server.close(0);
  return rows;
}

async function main() {
  if (options.other) {
    await beTheOther();
    return;
  }
  const other = new Other();
  const gone = other.exit();
  const load = loadavg();
  const bulk = await measureBulk(other);
  const control = await measureControl(other);
  await gone;
  if (options.json) {
    console.log(JSON.stringify({ load, bulk, control }));
    return;
  }
  console.log(`load average ${load.map((value) => value.toFixed(2)).join(" ")}`);
  const rounded = (rows) =>
    rows.map((cells) =>
      Object.fromEntries(
        Object.entries(cells).map(([key, value]) => [
          key,
          typeof value === "number" ? Number(value.toPrecision(3)) : value,
        ]),
      ),
    );
  console.table(rounded(bulk));
  console.table(rounded(control));
}

await main();
