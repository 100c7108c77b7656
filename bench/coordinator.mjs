/**
 * What a step costs the coordinator: the real `coxswain coordinator` with simulated workers that speak the protocol over
 * gRPC and compute nothing. Prints its processor time and the step's wall clock beside the time that the workers take to
 * "compute", for star and mesh.
 *
 *     npm run build && node bench/coordinator.mjs [--workers 64] [--shards 128] [--step-seconds 1] [--steps 20] [--r 16]
 *         [--all-reduce star|mesh] [--dtype float32|bfloat16] [--from 3] [--profile FOLDER] [--json] [--smoke]
 *
 * The workers' gradients are zeros, so that every replica stays what it was and its fingerprint is known; they are moved
 * all the same. In the mesh the workers' traffic among themselves is left out: it does not concern the coordinator.
 */
import { readFileSync } from "node:fs";
import { Metadata, credentials } from "@grpc/grpc-js";
import { TreeSum, cover, stateHash, vectorChecksum } from "../dist/collective/index.js";
import {
  CoordinatorClient,
  bulkChannelOptions,
  controlChannelOptions,
  metadataKeys,
  protocolVersion,
} from "../dist/rpc/index.js";
import { version } from "../dist/version.js";
import { GrpcCoordinatorCalls } from "../dist/worker/grpc/coordinator-calls.js";
import { startDataServer } from "../dist/worker/grpc/data-server.js";
import { readOptions, startCoordinator } from "./shared.mjs";

const options = readOptions(
  {
    workers: 64,
    shards: 128,
    "step-seconds": 1,
    steps: 20,
    r: 16,
    "all-reduce": ["star", "mesh"],
    dtype: "float32",
    /** The first step that is measured: V8 goes on compiling for a minute. */
    from: 3,
    /** For a processor profile of the coordinator. */
    profile: undefined,
    json: false,
  },
  { workers: 2, shards: 4, "step-seconds": 0.05, steps: 4, r: 4, from: 1 },
);
const { workers, shards, steps } = options;
const secondsPerShard = (options["step-seconds"] * workers) / shards;

/** Processor seconds of a process so far. */
function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The replica that all simulated workers share: nothing ever changes it but the step. */
class SharedReplica {
  vectors;
  hash(step) {
    const [parameters, m, v] = this.vectors;
    return stateHash({ step, parameters, m, v });
  }
}

/** One worker as the coordinator sees it. */
class SimulatedWorker {
  #id;
  #client;
  #bulk;
  #server;
  #stream;
  #beat;
  #replica;
  #size;
  #zeros;
  #reducers = new Map();
  #work = Promise.resolve();

  async start(index, address, replica) {
    this.#id = `simulated-${index}`;
    this.#replica = replica;
    this.#client = new CoordinatorClient(address, credentials.createInsecure(), controlChannelOptions);
    this.bulkClient = new CoordinatorClient(address, credentials.createInsecure(), bulkChannelOptions);
    this.#server = await startDataServer({ host: "127.0.0.1", port: 0, tls: false });
    this.#stream = this.#client.attend(new Metadata());
    this.#stream.on("data", (message) => this.#hear(message)).on("error", () => undefined);
    this.#send({
      join: {
        protocolVersion,
        softwareVersion: version,
        workerId: this.#id,
        host: "benchmark",
        pid: index + 1,
        dataPort: this.#server.port,
        dataKey: this.#server.key,
      },
    });
  }

  close() {
    clearInterval(this.#beat);
    this.#stream.cancel();
    this.#client.close();
    this.bulkClient.close();
    return this.#server.close();
  }

  #send(message) {
    this.#stream.write(message);
  }

  #hear({ welcome, synchronise, lease, commit, reduce, collect }) {
    if (welcome) this.#welcome(welcome);
    else if (reduce) this.#reducers.set(reduce.slice, { reduce, sum: new TreeSum(reduce.roundShards) });
    else if (collect) this.#collect(collect);
    else if (synchronise) this.#then(() => this.#synchronise());
    else if (lease) this.#then(() => this.#compute(lease));
    else if (commit) this.#then(() => this.#apply(commit));
  }

  #then(act) {
    this.#work = this.#work.then(act);
    this.#work.catch(() => undefined);
  }

  #welcome(welcome) {
    const metadata = new Metadata();
    metadata.set(metadataKeys.run, welcome.runId);
    metadata.set(metadataKeys.worker, this.#id);
    metadata.set(metadataKeys.session, welcome.sessionKey);
    this.#bulk = new GrpcCoordinatorCalls(this.bulkClient, metadata, options.dtype);
    this.#size = SimulatedWorker.size;
    this.#zeros = SimulatedWorker.zeros;
    this.#server.serve({
      runId: welcome.runId,
      dtype: options.dtype,
      contribution: () => this.#zeros,
      slice: (_, offset, length) => this.#zeros.subarray(offset, offset + length),
      replica: () => undefined,
      hold: () => () => undefined,
      onSent: () => undefined,
    });
    this.#beat = setInterval(() => this.#send({ heartbeat: {} }), welcome.silenceTimeoutMs / 4);
    this.#send({
      ready: {
        layoutFingerprint: SimulatedWorker.layoutFingerprint,
        engine: "ENGINE_ONNX",
        device: "DEVICE_CPU",
        backend: "onnxruntime",
      },
    });
  }

  async #synchronise() {
    const { step, bytes } = await this.#bulk.pullReplica(this.#size);
    const all = new Float32Array(bytes.buffer, bytes.byteOffset, 3 * this.#size);
    this.#replica.vectors ??= [0, 1, 2].map((index) => all.slice(index * this.#size, (index + 1) * this.#size));
    this.#send({ applied: { step, stateHash: this.#replica.hash(step) } });
  }

  async #compute({ task, step, first, shards: leased, roundShards, slices }) {
    for (let index = 0; index < leased.length; index++) {
      await new Promise((resolve) => setTimeout(resolve, secondsPerShard * 1000));
      const result = { lossSum: 1, supervisedTokens: 1, seconds: secondsPerShard };
      this.#send({ computed: { task, step, shard: first + index, ...result } });
    }
    const begins = slices.length === 0 ? [0] : slices;
    const checksums = begins.map((begin, slice) =>
      vectorChecksum(this.#zeros.subarray(begin, begins[slice + 1]), options.dtype),
    );
    for (const node of cover(first, leased.length, roundShards))
      this.#send({ contribution: { step, ...node, checksums } });
  }

  #collect({ step, slice, parts }) {
    const { sum, reduce } = this.#reducers.get(slice) ?? {};
    for (const { first, count } of parts) sum?.add({ first, count }, new Float32Array(1));
    if (sum?.complete !== true) return;
    this.#reducers.delete(slice);
    const checksum = vectorChecksum(this.#zeros.subarray(0, reduce.length), options.dtype);
    this.#send({ sliceReduced: { step, slice, checksum } });
  }

  async #apply({ step, slices }) {
    // A star's worker gets the whole gradient from the coordinator, the mesh's nothing.
    if (slices.length === 0) await this.#bulk.pullReduced(step, 0, SimulatedWorker.scratch);
    this.#send({ applied: { step, stateHash: this.#replica.hash(step) } });
  }
}

/** Starts the coordinator, lets it do its steps, and measures from `--from` on. */
async function measure(allReduce) {
  const marks = new Map();
  const { run, address, finished, remove } = await startCoordinator(
    {
      lora: { r: options.r },
      training: { max_steps: steps, global_batch_size: shards, micro_batch_size: 1 },
      cluster: { min_workers: workers, all_reduce: allReduce, all_reduce_dtype: options.dtype },
    },
    {
      nodeFlags: options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profile}`],
      onOutput: (printed, pid) => {
        const [last] = [...printed.matchAll(/step +(\d+)\//g)].reverse();
        if (last !== undefined && !marks.has(Number(last[1])))
          marks.set(Number(last[1]), { cpu: cpuSeconds(pid), time: performance.now() });
      },
    },
  );
  await learnLayout(run);
  const replica = new SharedReplica();
  const simulated = Array.from({ length: workers }, () => new SimulatedWorker());
  await Promise.all(simulated.map((worker, index) => worker.start(index, address, replica)));
  await finished;
  await Promise.all(simulated.map((worker) => worker.close()));
  remove();
  const [from, to] = [options.from, steps - 1];
  const between = (key) => (marks.get(to)[key] - marks.get(from)[key]) / (to - from);
  return {
    all_reduce: allReduce,
    dtype: options.dtype,
    workers,
    shards,
    elements: SimulatedWorker.zeros.length,
    step_seconds: between("time") / 1000,
    coordinator_cpu_seconds: between("cpu"),
  };
}

/** What a worker would find out by opening the model. */
async function learnLayout(run) {
  const { linearModules, resolveTargets } = await import("../dist/compute/index.js");
  const { layoutFingerprint, loraLayout, loraSettings, openModelFolder } = await import("../dist/model/index.js");
  const { parseRun } = await import("../dist/config/index.js");
  const settings = loraSettings(parseRun(JSON.stringify(run), "run.yaml"));
  const layout = loraLayout(settings, resolveTargets(settings, linearModules(await openModelFolder(run.model))));
  SimulatedWorker.layoutFingerprint = layoutFingerprint(layout);
  SimulatedWorker.size = layout.size;
  SimulatedWorker.zeros = new Float32Array(layout.size);
  SimulatedWorker.scratch = new Float32Array(layout.size);
}

const results = [];
for (const allReduce of options["all-reduce"]) results.push(await measure(allReduce));
if (options.json) console.log(JSON.stringify(results));
else
  for (const { all_reduce, dtype, elements, step_seconds, coordinator_cpu_seconds } of results)
    console.log(
      `${all_reduce} ${dtype}, ${workers} workers, ${shards} shards, ${elements} elements: ` +
        `step ${step_seconds.toFixed(3)} s, coordinator ${(coordinator_cpu_seconds * 1000).toFixed(1)} ms of processor a step`,
    );
