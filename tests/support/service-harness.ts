/** A coordinator's real gRPC server, as reachable by any client, for a small run without data or engine. */
import { ServerCredentials } from "@grpc/grpc-js";
import { systemClock } from "../../src/clock.js";
import { controlFile, controlHandlers, controlName, controlService } from "../../src/control/index.js";
import type { RunControl } from "../../src/control/index.js";
import { Conductor } from "../../src/coordinator/conductor.js";
import { createRunControl } from "../../src/coordinator/control.js";
import { EngineRule } from "../../src/coordinator/service/engine-rule.js";
import { Entrance } from "../../src/coordinator/service/entrance.js";
import type { EntranceLimits } from "../../src/coordinator/service/entrance.js";
import type { SendLimits } from "../../src/coordinator/service/sends.js";
import { openSends } from "../../src/coordinator/service/sends.js";
import { ClusterMachine, verifyRule } from "../../src/coordinator/machine/index.js";
import { RunRecorder } from "../../src/coordinator/record/recorder.js";
import { coordinatorHandlers, tokenRefusal } from "../../src/coordinator/service/grpc/service.js";
import type { WorkerSession } from "../../src/coordinator/service/worker-session.js";
import type { TokenStore } from "../../src/data/index.js";
import type { CoxswainError } from "../../src/errors.js";
import { stepNumber } from "../../src/ids.js";
import type { ModelManifest } from "../../src/model/index.js";
import { Replica } from "../../src/optim/index.js";
import { coordinatorService, largestWorkerMessage, listen, protocolFile } from "../../src/rpc/index.js";
import type { GuardLimits, RunningServer } from "../../src/rpc/index.js";
import { createCoordinatorMetrics, createLogger } from "../../src/telemetry/index.js";
import type { CoordinatorMetrics, RunEvent } from "../../src/telemetry/index.js";

export interface Harness {
  readonly server: RunningServer;
  readonly conductor: Conductor;
  readonly control: RunControl;
  /** From now on, saving a checkpoint fails with this error. */
  failSaves(error: CoxswainError): void;
  /** The metrics that Prometheus would read. */
  readonly metrics: CoordinatorMetrics;
  readonly replica: Replica;
  readonly failures: CoxswainError[];
  readonly handled: string[];
  /** The events that events.jsonl would contain. */
  readonly events: RunEvent[];
  /** Ids of the workers whose own server was connected to, one entry per connection. */
  readonly reached: string[];
  close(): Promise<void>;
}

export interface HarnessOptions {
  readonly token?: string;
  readonly limits?: GuardLimits;
  readonly entranceLimits?: EntranceLimits;
  readonly sendLimits?: SendLimits;
  readonly model?: ModelManifest;
  readonly modelPath?: string;
  readonly shards?: number;
  readonly totalSteps?: number;
  readonly size?: number;
  readonly allowMixedEngines?: boolean;
  /** `cluster.verify`. Default: 0. */
  readonly verify?: number;
  /** Workers that a step waits for. Default: 1. */
  readonly minWorkers?: number;
  /** Replaces the connection to a worker's own server. */
  readonly reach?: (session: WorkerSession) => Promise<void>;
}

export const runId = "test-run";
export const layoutFingerprint = "layout";

const emptyStore: TokenStore = {
  rowCount: 1,
  statistics: {
    examples: 1,
    rows: 1,
    tokens: 2,
    supervisedTokens: 1,
    truncated: 0,
    dropped: { nothing_supervised_after_cut: 0 },
  },
  fingerprint: "data",
  row: () => ({ inputIds: Int32Array.of(1, 2), labels: Int32Array.of(1, 2), segments: [2] }),
  rowLength: () => 2,
};

export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { shards = 2, totalSteps = 2, size = 16 } = options;
  const replica = new Replica(size, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
  const { logger } = createLogger({ name: "test", level: "silent" });
  const ignore = (): void => undefined;
  const events: RunEvent[] = [];
  const metrics = createCoordinatorMetrics("test");
  const recorder = new RunRecorder({
    files: {
      committing: () => undefined,
      appendSamples: () => undefined,
      appendMetrics: ignore,
      appendEvent: (event) => void events.push(event),
      rewind: ignore,
      flush: ignore,
      unwritten: () => [],
      close: ignore,
    },
    metrics,
    view: { step: ignore, note: ignore, waiting: ignore },
    logger,
    listeners: [],
    totalSteps,
    loggingSteps: 1,
    factsOf: () => ({ tokens: 2, epoch: 1 }),
    tokensPerShard: 1,
    onTrouble: ignore,
    wallClock: () => 0,
  });
  const machine = new ClusterMachine(
    {
      totalSteps,
      minWorkers: options.minWorkers ?? 1,
      ...(options.verify === undefined ? {} : { verifies: verifyRule(options.verify, new Uint8Array(32)) }),
      silenceTimeout: 60_000,
      float16: false,
      saveSteps: 100,
      evalSteps: null,
      evaluationShards: 0,
      shardsOf: () => shards,
      learningRate: () => 0.1,
      clipCoefficient: () => 1,
      evaluated: () => false,
      gradientSize: size,
      reducers: () => 0,
    },
    { step: stepNumber(0), hash: replica.hash(), saved: false },
  );
  let saveError: CoxswainError | undefined;
  const conductor = new Conductor({
    machine,
    replica,
    sources: {
      microBatchSize: 1,
      training: () => ({ store: emptyStore, rows: Array.from({ length: shards }, () => 0) }),
      evaluation: () => ({ store: emptyStore, rows: [] }),
    },
    recorder,
    logger,
    engines: new EngineRule({
      asked: "auto",
      allowMixed: options.allowMixedEngines ?? false,
      before: undefined,
      onChosen: (chosen) => recorder.computedWith(chosen),
    }),
    allReduceDtype: "float32",
    onRecovered: ignore,
    checkpoint: undefined,
    save: () => (saveError === undefined ? Promise.resolve("nowhere") : Promise.reject(saveError)),
    clock: { ...systemClock, wallClock: () => 0 },
  });
  const control = createRunControl(conductor, recorder.figures, {
    runId,
    runDigest: "digest",
    outputDir: "/runs/test",
    model: "test/model",
    totalSteps,
    bestMetric: null,
    tokensPerShard: 1,
    startedAt: new Date(0),
  });
  const failures: CoxswainError[] = [];
  const handled: string[] = [];
  const reached: string[] = [];
  const handlers = coordinatorHandlers({
    conductor,
    clock: systemClock,
    replica,
    runId,
    runDigest: "digest",
    allReduceDtype: "float32",
    runConfig: {},
    model: options.model ?? { hash: "none", files: [] },
    modelPath: options.modelPath ?? "/nonexistent",
    layoutFingerprint,
    silenceTimeout: 60_000,
    reach: (session) => {
      reached.push(session.id);
      return options.reach?.(session) ?? Promise.resolve();
    },
    entrance: new Entrance(options.entranceLimits ?? { maxWorkers: 10_000, joinsPerSecond: 100_000 }, systemClock),
    sends: openSends(options.sendLimits ?? { memory: 64 * 1024 * 1024, timeout: 15_000 }, systemClock),
    onReady: (session, ready) => recorder.ready(session, ready),
    onSent: ignore,
    onDiffering: (session, step, node, error) => recorder.differs(session.id, stepNumber(step), node, error.message),
    onFailure: (_, error) => failures.push(error),
  });
  const server = await listen({
    host: "127.0.0.1",
    port: 0,
    credentials: ServerCredentials.createInsecure(),
    services: [
      { name: "coxswain.v1.Coordinator", definition: coordinatorService, handlers },
      { name: controlName, definition: controlService, handlers: controlHandlers(control) },
    ],
    token: options.token ?? null,
    refusal: tokenRefusal,
    largestMessage: largestWorkerMessage,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    addressKey: "cluster.listen",
    reflection: [protocolFile, controlFile],
    onHandled: (method, code) => handled.push(`${method} ${code}`),
  });
  return {
    server,
    conductor,
    control,
    failSaves: (error) => void (saveError = error),
    metrics,
    replica,
    failures,
    handled,
    events,
    reached,
    close: async () => {
      conductor.close();
      await server.close(100);
    },
  };
}
