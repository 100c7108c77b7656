/**
 * The worker's own gRPC server: hands out what it has summed, and its replica, to the coordinator and the other workers,
 * who know the key. Knows requests, not where vectors come from.
 */
import { randomBytes } from "node:crypto";
import { ServerCredentials, status } from "@grpc/grpc-js";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { SharedChunks, isWithin, vectorBytes, vectorChunks } from "../collective/index.js";
import type { Chunk, TreeNode, VectorDtype, VectorRange } from "../collective/index.js";
import { shardIndex } from "../ids.js";
import type { ReplicaBytes, RunningServer, WorkerHandlers } from "../rpc/index.js";
import {
  largestRequest,
  listen,
  metadataKeys,
  refuse,
  sendReplica,
  sendVector,
  sendVectorChunks,
  workerService,
} from "../rpc/index.js";

/** What a worker in a run has for others. */
export interface Served {
  /** Welcome.run_id: who shows another in the metadata is refused. */
  readonly runId: string;
  /** What vectors are sent as. */
  readonly dtype: VectorDtype;
  /** The sum of a node's shards, all of its elements; undefined where it is not here. */
  contribution(step: number, node: TreeNode): Float32Array | undefined;
  /** Elements [offset, offset + length) of a step's reduced gradient; undefined where they are not here. */
  slice(step: number, offset: number, length: number): Float32Array | undefined;
  /** Parameters and moments, [3 * size] f32 as bytes that nobody changes. Undefined before the first. */
  replica(): ReplicaBytes | undefined;
  /** A vector is being sent: it must not change until what this gives is called. See VectorPool. */
  hold(vector: Float32Array): () => void;
  /** So many bytes of gradients are being sent. */
  onSent(bytes: number): void;
}

export interface DataServer {
  readonly port: number;
  /** What callers must show. */
  readonly key: string;
  /** What is served from now on; nothing when undefined. */
  serve(served: Served | undefined): void;
  close(): Promise<void>;
}

/** A call that is answered with a stream of chunks. */
type Call = ServerWritableStream<unknown, Chunk>;

/** Replicas sent at once: each is a copy, and only the coordinator asks for one, once. */
const replicasAtOnce = 2;

/** @throws CoxswainError "network" when the address cannot be listened on */
export async function startDataServer(address: { host: string; port: number }): Promise<DataServer> {
  const key = randomBytes(24).toString("hex");
  let served: Served | undefined;
  const shared = new SharedChunks();
  /** Calls `answer` with what is served, for a caller of the same run: that it knows the key was seen before. */
  const admit = (call: Call, answer: (served: Served) => void): void => {
    const [run] = call.metadata.get(metadataKeys.run);
    if (served === undefined) refuse(call, status.NOT_FOUND, "this worker takes part in no run now");
    else if (run !== undefined && run !== served.runId)
      refuse(call, status.FAILED_PRECONDITION, `this worker takes part in run ${served.runId}, not in ${String(run)}`);
    else answer(served);
  };
  const server: RunningServer = await listen({
    ...address,
    credentials: ServerCredentials.createInsecure(),
    name: "coxswain.v1.Worker",
    service: workerService,
    handlers: handlersOf(admit, shared),
    token: key,
    refusal: "wrong key",
    largestMessage: largestRequest,
    addressKey: "--listen",
    reflection: false,
  });
  const serve = (now: Served | undefined): void => {
    served = now;
    shared.clear();
  };
  return { port: server.port, key, serve, close: () => server.close() };
}

function handlersOf(
  admit: (call: Call, answer: (served: Served) => void) => void,
  shared: SharedChunks,
): WorkerHandlers {
  let replicas = 0;
  return {
    PullContribution: (call) =>
      admit(call, (served) => {
        const { step, first, count, offset, length } = call.request;
        const vector = served.contribution(step, { first: shardIndex(first), count });
        if (vector === undefined) refuse(call, status.NOT_FOUND, `no sum of shards ${first}+${count} of step ${step}`);
        else if (isWithin({ offset, length }, vector.length))
          send(call, served, vector.subarray(offset, offset + length));
        else refuseRange(call, { offset, length });
      }),
    PullSlice: (call) =>
      admit(call, (served) => {
        const { step, offset, length } = call.request;
        if (!isWithin({ offset, length }, Number.MAX_SAFE_INTEGER)) {
          refuseRange(call, { offset, length });
          return;
        }
        const vector = served.slice(step, offset, length);
        if (vector === undefined)
          refuse(call, status.NOT_FOUND, `elements ${offset}+${length} of step ${step} are not here`);
        else {
          served.onSent(vectorBytes(length, served.dtype));
          const chunks = shared.of(step, offset, vector, () => vectorChunks(vector, served.dtype));
          finish(call, sendVectorChunks(call, chunks), served.hold(vector));
        }
      }),
    PullReplica: (call) =>
      admit(call, (served) => {
        if (replicas >= replicasAtOnce) {
          refuse(call, status.RESOURCE_EXHAUSTED, "the replica is being sent already");
          return;
        }
        const replica = served.replica();
        if (replica === undefined) {
          refuse(call, status.NOT_FOUND, "this worker has no replica yet");
          return;
        }
        replicas++;
        finish(call, sendReplica(call, replica), () => replicas--);
      }),
  };
}

function send(call: Call, served: Served, vector: Float32Array): void {
  const release = served.hold(vector);
  served.onSent(vectorBytes(vector.length, served.dtype));
  finish(call, sendVector(call, vector, served.dtype), release);
}

/** Ends the call when all is sent; a caller who has gone knows why. */
function finish(call: Call, sent: Promise<void>, then: () => void = () => undefined): void {
  const end = (): void => {
    then();
    call.end();
  };
  sent.then(end, end);
}

const refuseRange = (call: Call, { offset, length }: VectorRange): void =>
  refuse(call, status.INVALID_ARGUMENT, `elements ${offset}+${length} are no part of the vector`);
