/** The product's coordinator in a simulated process: everything but its machine, its replica and its files. */
import { EngineRule } from "../../../src/coordinator/service/engine-rule.js";
import { Entrance } from "../../../src/coordinator/service/entrance.js";
import { openSends } from "../../../src/coordinator/service/sends.js";
import type { LeaseSources } from "../../../src/coordinator/service/lease-rows.js";
import type { ServiceOptions } from "../../../src/coordinator/service/options.js";
import type { BestState, ClusterMachine } from "../../../src/coordinator/machine/index.js";
import type { VectorDtype } from "../../../src/collective/index.js";
import { runSchema } from "../../../src/config/index.js";
import { Conductor } from "../../../src/coordinator/conductor.js";
import { RunRecorder } from "../../../src/coordinator/record/recorder.js";
import type { SavedCheckpoint } from "../../../src/coordinator/checkpoints/checkpointer.js";
import { stepNumber } from "../../../src/ids.js";
import { layoutFingerprint } from "../../../src/model/index.js";
import type { LoraLayout } from "../../../src/model/index.js";
import type { Replica, ReplicaState } from "../../../src/optim/index.js";
import { runConfigMessage } from "../../../src/rpc/index.js";
import type { RunFiles, CoordinatorMetrics } from "../../../src/telemetry/index.js";
import { createLogger } from "../../../src/telemetry/index.js";
import type { Listening, MemoryNetwork } from "./memory-network.js";
import { connectToWorkers } from "./memory-transport.js";
import type { VirtualProcess } from "./virtual-clock.js";

export const { logger } = createLogger({ name: "simulation", level: "silent" });
export const ignore = (): void => undefined;

/** Metrics that are discarded. */
const noMetrics = new Proxy({}, { get: () => ({ add: ignore, set: ignore, observe: ignore, remove: ignore }) });

/** A running coordinator. */
export interface SimulatedCoordinator extends Listening {
  readonly conductor: Conductor;
}

export interface SimulatedCoordinatorOptions {
  readonly process: VirtualProcess;
  readonly network: MemoryNetwork;
  readonly machine: ClusterMachine;
  readonly replica: Replica;
  readonly layout: LoraLayout;
  readonly sources: LeaseSources;
  readonly dtype: VectorDtype;
  readonly totalSteps: number;
  /** ms */
  readonly silenceTimeout: number;
  readonly runId: string;
  readonly files: RunFiles;
  readonly checkpoint?: SavedCheckpoint | undefined;
  readonly save: (state: ReplicaState, best: BestState | undefined) => Promise<string>;
  /** Called when a step was recorded. */
  readonly onStep: () => void;
  readonly onFailure: (error: Error) => void;
}

/** Starts a coordinator and lets it listen on the network. The caller closes its conductor. */
export function startCoordinator(options: SimulatedCoordinatorOptions): SimulatedCoordinator {
  const { process, network, machine, replica, sources, dtype, checkpoint, save, onFailure } = options;
  const recorder = recorderOf(options, (error) => conductor.dispatch({ type: "fail", error }));
  const conductor = new Conductor({
    machine,
    replica,
    sources,
    recorder,
    logger,
    engines: new EngineRule({ asked: "auto", allowMixed: false, before: undefined, onChosen: ignore }),
    allReduceDtype: dtype,
    onRecovered: (step) => recorder.rewind(step),
    checkpoint,
    save,
    clock: process,
  });
  const connect = connectToWorkers(network, process, options.runId);
  const service: ServiceOptions = {
    conductor,
    clock: process,
    replica,
    runId: options.runId,
    runDigest: "digest",
    allReduceDtype: dtype,
    runConfig: runConfigs[dtype],
    model: { hash: "model", files: [] },
    modelPath: "/models/simulated",
    layoutFingerprint: layoutFingerprint(options.layout),
    silenceTimeout: options.silenceTimeout,
    entrance: new Entrance({ maxWorkers: 10_000, joinsPerSecond: 100_000 }, process),
    sends: openSends({ memory: 64 * 1024 * 1024, timeout: 15_000 }, process),
    reach: async (session) => {
      const problem = await session.reach(connect);
      if (problem !== undefined) recorder.unreachable(session, problem);
    },
    onSent: ignore,
    onReady: (session, ready) => recorder.ready(session, ready),
    onDiffering: (session, step, node, error) => recorder.differs(session.id, stepNumber(step), node, error.message),
    onFailure: (session, error) => onFailure(new Error(`worker ${session.id} failed: ${error.message}`)),
  };
  const listening = { process, conductor, service };
  network.coordinator = listening;
  return listening;
}

function recorderOf(
  { process, files, totalSteps, onStep }: SimulatedCoordinatorOptions,
  onTrouble: (error: never) => void,
): RunRecorder {
  return new RunRecorder({
    files,
    metrics: noMetrics as CoordinatorMetrics,
    view: { step: ignore, note: ignore, waiting: ignore },
    logger,
    listeners: [{ step: onStep, evaluation: ignore, event: ignore, rewound: ignore }],
    totalSteps,
    loggingSteps: 1,
    factsOf: () => ({ tokens: 2, epoch: 1 }),
    tokensPerShard: 2,
    onTrouble: onTrouble as (error: unknown) => void,
    wallClock: () => process.wallClock(),
  });
}

const runConfigs: Record<VectorDtype, ServiceOptions["runConfig"]> = {
  float32: configOf("float32"),
  bfloat16: configOf("bfloat16"),
};

function configOf(dtype: VectorDtype): ServiceOptions["runConfig"] {
  const run = { model: "simulated", output_dir: "out", data: { train: "train.jsonl" } };
  return runConfigMessage(runSchema.parse({ ...run, compute: { threads: 1 }, cluster: { all_reduce_dtype: dtype } }));
}
