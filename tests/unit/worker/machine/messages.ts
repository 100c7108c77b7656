/** Messages of a coordinator, and what comes of a worker's calls, as its machine has them. */
import { taskWords } from "../../../../src/rpc/index.js";
import { CallFailed } from "../../../../src/worker/call-failed.js";
import type { Event } from "../../../../src/worker/machine/index.js";

export const digest = "digest of the run";

export const welcome: Event = {
  type: "welcome",
  welcome: {
    runId: "run",
    runConfig: null,
    model: null,
    modelPath: "",
    silenceTimeoutMs: 1,
    runDigest: digest,
    sessionKey: "key",
  },
};

/** @param kept what is held from an earlier membership */
export const loaded = (kept?: { runDigest: string; step: number; stateHash: string }): Event => ({
  type: "loaded",
  ready: { layoutFingerprint: "layout", engine: "ENGINE_ONNX" },
  held: kept,
  contributionBytes: 64,
});

interface LeaseOptions {
  readonly step: number;
  readonly first?: number;
  readonly shards: number;
  readonly roundShards?: number;
  readonly push?: boolean;
}

const leaseOf =
  (task: "train" | "evaluate") =>
  ({ step, first = 0, shards, roundShards = first + shards, push = false }: LeaseOptions): Event => ({
    type: "lease",
    task,
    lease: {
      task: taskWords.valueOf(task),
      step,
      first,
      shards: Array.from({ length: shards }, () => ({ rows: [], maxNewTokens: 0 })),
      roundShards,
      push,
      stopIds: Buffer.alloc(0),
      contextLength: 0,
      slices: [],
    },
  });

export const lease = leaseOf("train");
export const evaluation = leaseOf("evaluate");

export const revoke = (of: { step: number; first: number; count: number }): Event => ({
  type: "revoke",
  revoke: { task: "TASK_TRAIN", ...of },
});

export const commit = (step: number): Event => ({
  type: "commit",
  commit: { step, learningRate: 0.1, scale: 1, slices: [] },
});

export const failure = (connectionLost = false): CallFailed => new CallFailed("13 INTERNAL", connectionLost);
