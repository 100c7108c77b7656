/** The coordinator's gRPC service, for callers who have shown the token: checks who calls, turns messages into events, serves what is pulled. */
import { status } from "@grpc/grpc-js";
import type { ServerDuplexStream, ServerReadableStream, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import { SharedChunks, isWithin, vectorBytes, vectorChunks } from "../collective/index.js";
import type { Chunk, TreeNode, VectorDtype } from "../collective/index.js";
import { CoxswainError } from "../errors.js";
import { shardIndex, stepNumber } from "../ids.js";
import type { ModelManifest } from "../model/index.js";
import type { Replica } from "../optim/index.js";
import {
  metadataKeys,
  nodeChecksum,
  protocolVersion,
  receiveObject,
  receiveVector,
  refuse,
  replicaLength,
  sendChunks,
  sendReplica,
  sendVectorChunks,
} from "../rpc/index.js";
import type {
  CoordinatorHandlers,
  CoordinatorMessage,
  JoinOutput,
  ReadyOutput,
  Refusal,
  WorkerMessageOutput,
} from "../rpc/index.js";
import type { Departure } from "../telemetry/index.js";
import { version } from "../version.js";
import { CallLimit, SharedReplica, joinProblem, pullsAllowed, pushesAllowed, readyProblem } from "./bounds.js";
import type { Conductor } from "./conductor.js";
import type { EngineRule } from "./engine-rule.js";
import type { Event } from "./machine/index.js";
import { modelFileChunks } from "./model-files.js";
import { WorkerSession } from "./session.js";

export interface ServiceOptions {
  readonly conductor: Conductor;
  readonly replica: Replica;
  readonly runId: string;
  /** Names the run through all lives of its coordinator. */
  readonly runDigest: string;
  readonly allReduceDtype: VectorDtype;
  /** The resolved run file as JSON, without secrets. */
  readonly runConfig: string;
  readonly model: ModelManifest;
  readonly modelPath: string;
  readonly layoutFingerprint: string;
  readonly silenceTimeout: number;
  /** Who may take part by what it computes with. */
  readonly engines: EngineRule;
  /** Opens the connection to a worker's own server. */
  readonly reach: (session: WorkerSession) => Promise<void>;
  /** A reduced gradient of so many bytes is being sent. */
  readonly onSent: (bytes: number) => void;
  /** A worker has opened the model, and takes part. */
  readonly onReady: (session: WorkerSession, ready: ReadyOutput) => void;
  /** A worker says that it cannot go on. */
  readonly onFailure: (session: WorkerSession, error: CoxswainError) => void;
}

type Attendance = ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>;

/** What a caller is told who does not show the token. */
export const tokenRefusal = "the token is wrong or missing (--token or COXSWAIN_TOKEN)";

/** How long a caller may take to say who it is, ms. */
const joinTimeout = 10_000;

export function coordinatorHandlers(options: ServiceOptions): CoordinatorHandlers {
  const { conductor, allReduceDtype } = options;
  const pulls = new CallLimit(pullsAllowed);
  const pushes = new CallLimit(pushesAllowed);
  const replica = new SharedReplica(
    () => options.replica.step,
    () => ({ step: options.replica.step, bytes: options.replica.toBytes() }),
  );
  const shared = new SharedChunks();
  return {
    Attend: (call) => attend(call, options),
    PullReduced: (call) => {
      if (admitted(call, pulls, options) === undefined) return;
      const { step, offset, length } = call.request;
      const vector = conductor.reduced(stepNumber(step));
      const { size } = options.replica;
      if (!isWithin({ offset, length }, size))
        refuse(call, status.INVALID_ARGUMENT, `elements ${offset}+${length} of ${size}`);
      else if (vector === undefined)
        refuse(call, status.NOT_FOUND, `the gradient of step ${step} is not kept any more`);
      else {
        options.onSent(vectorBytes(length, allReduceDtype));
        const part = vector.subarray(offset, offset + length);
        const chunks = shared.of(step, offset, part, () => vectorChunks(part, allReduceDtype));
        void serve(call, sendVectorChunks(call, chunks));
      }
    },
    PullReplica: (call) => {
      if (admitted(call, pulls, options) === undefined) return;
      const { release, ...held } = replica.hold();
      void serve(call, sendReplica(call, held)).finally(release);
    },
    PullModelFile: (call) => {
      if (admitted(call, pulls, options) === undefined) return;
      const file = options.model.files.find(({ name }) => name === call.request.name);
      if (file === undefined) refuse(call, status.NOT_FOUND, `the model has no file ${call.request.name}`);
      else void serve(call, sendChunks(call, modelFileChunks(options.modelPath, file)));
    },
    PushContribution: (call, callback) => {
      const session = admitted(call, pushes, options);
      if (session !== undefined) answer(callback, receivePush(call, session, options));
    },
    PushReplica: (call, callback) => {
      const session = admitted(call, pushes, options);
      if (session === undefined) return;
      if (session.awaitsReplica) answer(callback, receivePushedReplica(call, session, options.replica.size));
      else refuse(call, status.FAILED_PRECONDITION, "nobody asked for a replica");
    },
  };
}

/** Answers a push when it has been received. */
function answer(callback: sendUnaryData<object>, received: Promise<void>): void {
  received.then(
    () => callback(null, {}),
    (error: unknown) => callback({ code: status.INVALID_ARGUMENT, details: String(error) }),
  );
}

/** Ends a served stream when all is sent; a caller that has gone needs no answer. */
async function serve<Request>(call: ServerWritableStream<Request, Chunk>, sent: Promise<void>): Promise<void> {
  try {
    await sent;
    call.end();
  } catch (error) {
    if (!call.cancelled) refuse(call, status.INTERNAL, String(error));
  }
}

/** Bulk calls come from workers that attend this life of this run, a bounded number at once. */
function admitted(
  call: Pick<ServerWritableStream<unknown, unknown>, "metadata"> &
    Parameters<CallLimit["begin"]>[1] &
    Parameters<typeof refuse>[0],
  limit: CallLimit,
  { runId, conductor }: ServiceOptions,
): WorkerSession | undefined {
  const session = conductor.session(String(call.metadata.get(metadataKeys.worker)[0]));
  if (session === undefined || call.metadata.get(metadataKeys.run)[0] !== runId)
    refuse(call, status.PERMISSION_DENIED, "the caller does not attend this run");
  else if (!limit.begin(session.id, call))
    refuse(call, status.RESOURCE_EXHAUSTED, "too many calls of this worker are under way");
  else return session;
  return undefined;
}

/** Looks at what is pushed before memory is taken for it. */
async function receivePush(
  call: ServerReadableStream<Chunk, unknown>,
  session: WorkerSession,
  { replica, allReduceDtype }: ServiceOptions,
): Promise<void> {
  const number = (key: string): number => Number(call.metadata.get(key)[0]);
  const step = number(metadataKeys.step);
  const node = nodeOf({ first: number(metadataKeys.first), count: number(metadataKeys.count) });
  if (call.metadata.get(metadataKeys.checksum)[0] !== nodeChecksum(step, node.first, node.count))
    throw new CoxswainError("network", "what a push says of itself is damaged");
  const current = replica.step + 1;
  if (step !== current) throw new CoxswainError("network", `a sum of step ${step} was pushed at step ${current}`);
  if (!isWithin({ offset: node.first, length: node.count }, 2 ** 32))
    throw new CoxswainError("network", `shards ${node.first}+${node.count} are no part of a step`);
  const vector = new Float32Array(replica.size);
  await receiveVector(call, vector, allReduceDtype);
  session.pushed(step, node, vector);
}

async function receivePushedReplica(
  call: ServerReadableStream<Chunk, unknown>,
  session: WorkerSession,
  size: number,
): Promise<void> {
  const step = Number(call.metadata.get(metadataKeys.step)[0]);
  session.pushedReplica({ step, bytes: await receiveObject(call, replicaLength(size)) });
}

function attend(call: Attendance, options: ServiceOptions): void {
  let session: WorkerSession | undefined;
  /** Nothing that comes after its end is listened to: it could be a second join. */
  let ended = false;
  const deadline = setTimeout(() => {
    ended = true;
    refuse(call, status.DEADLINE_EXCEEDED, "no join");
  }, joinTimeout);
  const over = (reason: string, how?: Departure): void => {
    clearTimeout(deadline);
    ended = true;
    if (session !== undefined && options.conductor.session(session.id) === session)
      options.conductor.dismiss(session.id, reason, how);
    session = undefined;
  };
  call.on("data", (message: WorkerMessageOutput) => {
    if (ended) return;
    if (session === undefined) {
      clearTimeout(deadline);
      session = join(call, message, options);
      ended = session === undefined;
    } else if (options.conductor.session(session.id) !== session) ended = true;
    else if (message.leaving) over(message.leaving.reason, "drained");
    else onMessage(call, session, message, options);
  });
  call.on("end", () => {
    over("it closed its stream");
    call.end();
  });
  call.on("cancelled", () => over("its connection broke"));
  // What is refused ends here, too: it has no message.
  call.on("error", (error: Error | Refusal) => over("details" in error ? error.details : error.message));
}

function join(call: Attendance, message: WorkerMessageOutput, options: ServiceOptions): WorkerSession | undefined {
  const refusal = message.join ? refusalOf(message.join, options) : "the first message must be a join";
  if (refusal !== undefined || !message.join) {
    refuse(call, status.FAILED_PRECONDITION, refusal ?? "the first message must be a join");
    return undefined;
  }
  const { farewell } = options.conductor;
  if (farewell !== undefined) {
    call.write({ finish: farewell });
    call.end();
    return undefined;
  }
  const session = new WorkerSession(call, message.join);
  options.conductor.admit(session);
  session.keepAlive(options.silenceTimeout);
  session.send({
    welcome: {
      runId: options.runId,
      runConfig: options.runConfig,
      model: { hash: options.model.hash, files: [...options.model.files] },
      modelPath: options.modelPath,
      silenceTimeoutMs: options.silenceTimeout,
      runDigest: options.runDigest,
    },
  });
  return session;
}

function refusalOf(join: JoinOutput, { conductor }: ServiceOptions): string | undefined {
  if (join.protocolVersion !== protocolVersion)
    return `the coordinator is Coxswain ${version} (protocol ${protocolVersion}), the worker ${join.softwareVersion} (protocol ${join.protocolVersion}); install the same version on both`;
  const problem = joinProblem(join);
  if (problem !== undefined) return problem;
  if (conductor.session(join.workerId) !== undefined) return `a worker with the id ${join.workerId} takes part already`;
  return undefined;
}

function onMessage(
  call: Attendance,
  session: WorkerSession,
  message: WorkerMessageOutput,
  options: ServiceOptions,
): void {
  const { conductor } = options;
  // Once: each would open a connection to the worker.
  if (message.ready && session.isReady) conductor.dispatch({ type: "heard", worker: session.id });
  else if (message.ready) onReady(call, session, message.ready, options);
  else if (message.failed) {
    const { message: what, hint } = message.failed;
    options.onFailure(session, new CoxswainError(errorCode(message.failed.code), what, hint === "" ? {} : { hint }));
    conductor.dismiss(session.id, what);
  } else conductor.dispatch(eventOf(session.id, message));
}

/** What a worker says that the state machine decides on; anything else is a sign of life. */
function eventOf(worker: string, message: WorkerMessageOutput): Event {
  const { applied, computed, contribution, sliceReduced, collectFailed } = message;
  if (applied) return { type: "applied", worker, step: stepNumber(applied.step), hash: applied.stateHash };
  if (computed) {
    const { task, step, shard, lossSum, supervisedTokens, seconds } = computed;
    return {
      type: "computed",
      worker,
      task: task === "TASK_TRAIN" ? "train" : "evaluate",
      step: stepNumber(step),
      result: { shard: shardIndex(shard), lossSum, supervisedTokens, seconds },
    };
  }
  if (contribution)
    return { type: "contribution", worker, step: stepNumber(contribution.step), node: nodeOf(contribution) };
  if (sliceReduced)
    return { type: "sliceReduced", worker, step: stepNumber(sliceReduced.step), slice: sliceReduced.slice };
  if (collectFailed) {
    const { step, slice, source } = collectFailed;
    return { type: "collectFailed", worker, step: stepNumber(step), slice, node: nodeOf(collectFailed), source };
  }
  if (message.resynchronise) return { type: "resynchronise", worker };
  if (message.draining) return { type: "draining", worker };
  if (message.idle) return { type: "idle", worker };
  return { type: "heard", worker };
}

const nodeOf = ({ first, count }: { first: number; count: number }): TreeNode => ({ first: shardIndex(first), count });

function onReady(call: Attendance, session: WorkerSession, ready: ReadyOutput, options: ServiceOptions): void {
  const { conductor } = options;
  session.isReady = true;
  const problem = unreadiness(ready, options);
  if (problem !== undefined) {
    refuse(call, status.FAILED_PRECONDITION, problem);
    return;
  }
  session.computation = { engine: ready.engine, backend: ready.backend, device: ready.device };
  options.onReady(session, ready);
  const { replica } = ready;
  void options.reach(session).then(() =>
    conductor.dispatch({
      type: "ready",
      worker: session.id,
      reachable: !session.pushes,
      replica: replica === null ? undefined : { step: stepNumber(replica.step), hash: replica.stateHash },
    }),
  );
}

/** Why a worker cannot take part now that it has opened the model. */
function unreadiness(ready: ReadyOutput, { layoutFingerprint, engines }: ServiceOptions): string | undefined {
  if (ready.layoutFingerprint !== layoutFingerprint)
    return "the worker's layout of LoRA tensors differs: install the same version on both";
  return readyProblem(ready) ?? engines.admit(ready);
}

/** Only kinds that a worker can meet; anything else is a bug. */
function errorCode(code: string): "model" | "config" | "network" | "storage" | "bug" {
  return code === "model" || code === "config" || code === "network" || code === "storage" ? code : "bug";
}
