/**
 * The bulk calls: gradients, replicas, the model's files. They are accepted only from workers connected to the run, up
 * to a limit of concurrent calls, and validated before memory is allocated for them.
 */
import { status } from "@grpc/grpc-js";
import type { ServerReadableStream, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import { detach } from "../../../async/index.js";
import { SharedChunks, vectorChunks } from "../../../collective/index.js";
import type { Chunk } from "../../../collective/index.js";
import { CoxswainError, messageOf } from "../../../errors.js";
import type { ModelFile } from "../../../model/index.js";
import {
  isSession,
  metadataKeys,
  nodeChecksum,
  receiveObject,
  receiveVector,
  refuse,
  replicaLength,
  refusalCounter,
  resetCall,
  sendReplica,
  sendVectorChunks,
} from "../../../rpc/index.js";
import type { CoordinatorHandlers } from "../../../rpc/index.js";
import { CallLimit, SharedReplica, filePullsAllowed, pullsAllowed, pushesAllowed } from "../bounds.js";
import { admitPush, reducedPart } from "../bulk.js";
import { modelFileChunks } from "./model-files.js";
import type { ServiceOptions } from "../options.js";
import type { Sending, Sends } from "../sends.js";
import { SumDiffers } from "../sum-differs.js";
import { nodeOf } from "../worker-event.js";
import type { WorkerSession } from "../worker-session.js";

/** Refused calls of a connection, beyond which it is closed: a worker has one now and then. */
const refusalsAllowed = 200;

type BulkHandlers = Pick<
  CoordinatorHandlers,
  "PullReduced" | "PullReplica" | "PullModelFile" | "PushContribution" | "PushReplica"
>;

export function bulkHandlers(options: ServiceOptions): BulkHandlers {
  const { allReduceDtype, sends } = options;
  const turnAway = refusalCounter(refusalsAllowed);
  const pulls = new CallLimit(pullsAllowed);
  const filePulls = new CallLimit(filePullsAllowed);
  const pushes = new CallLimit(pushesAllowed);
  const replica = new SharedReplica(
    () => options.replica.step,
    () => ({ step: options.replica.step, bytes: options.replica.toBytes() }),
  );
  const shared = new SharedChunks();
  return {
    PullReduced: (call) => {
      if (admitted(call, pulls, options, turnAway) === undefined) return;
      const { step, offset } = call.request;
      const part = reducedPart(call.request, options);
      if ("refused" in part)
        refuse(call, part.refused === "invalid" ? status.INVALID_ARGUMENT : status.NOT_FOUND, part.reason);
      else {
        const chunks = shared.of(step, offset, part, () => vectorChunks(part, allReduceDtype));
        serve(call, sends.vectors, async (sending) => {
          await sending.share(`gradient of step ${step}`, options.replica.size * Float32Array.BYTES_PER_ELEMENT);
          await sendVectorChunks(call, chunks, () => sending.progress());
        });
      }
    },
    PullReplica: (call) => {
      const session = admitted(call, pulls, options, turnAway);
      if (session === undefined) return;
      if (!session.takeReplicaPull()) {
        refuse(call, status.FAILED_PRECONDITION, "the worker was not asked to pull the replica");
        turnAway(call);
        return;
      }
      serve(call, sends.vectors, async (sending) => {
        await roomForReplica(sending, options.replica);
        const { release, ...held } = replica.hold();
        try {
          await sendReplica(call, held, () => sending.progress());
        } finally {
          release();
        }
      });
    },
    PullModelFile: (call) => {
      if (admitted(call, filePulls, options, turnAway) === undefined) return;
      const file = options.model.files.find(({ name }) => name === call.request.name);
      if (file === undefined) refuse(call, status.NOT_FOUND, `the model has no file ${call.request.name}`);
      else serve(call, sends.files, (sending) => sendFile(call, options.modelPath, file, sending));
    },
    PushContribution: (call, callback) => {
      const session = admitted(call, pushes, options, turnAway);
      if (session !== undefined) answer(callback, receivePush(call, session, options));
    },
    PushReplica: (call, callback) => {
      const session = admitted(call, pushes, options, turnAway);
      if (session === undefined) return;
      if (session.awaitsReplica) answer(callback, receivePushedReplica(call, session, options.replica.size));
      else refuse(call, status.FAILED_PRECONDITION, "no replica was requested");
    },
  };
}

/** Answers a push once it has been received. */
function answer(callback: sendUnaryData<object>, received: Promise<void>): void {
  detach(
    received.then(() => callback(null, {})),
    (error) => callback({ code: status.INVALID_ARGUMENT, details: messageOf(error) }),
  );
}

/** Sends an answer within the limits of all answers, then ends the stream; a cancelled call needs no status. */
function serve<Request>(
  call: ServerWritableStream<Request, Chunk>,
  sends: Sends,
  send: (sending: Sending) => Promise<void>,
): void {
  const sending = sends.begin((reason) => {
    if (!resetCall(call)) refuse(call, status.RESOURCE_EXHAUSTED, reason);
  });
  call.once("cancelled", () => sending.end());
  detach(
    send(sending)
      .finally(() => sending.end())
      .then(() => call.end()),
    (error) => {
      if (!call.cancelled) refuse(call, status.INTERNAL, messageOf(error));
    },
  );
}

/** Waits until there is memory for a copy of the newest state. */
async function roomForReplica(sending: Sending, replica: ServiceOptions["replica"]): Promise<void> {
  let step: number;
  do {
    step = replica.step;
    await sending.share(`replica of step ${step}`, replicaLength(replica.size));
  } while (replica.step !== step);
}

/** Reads a chunk when there is memory for it, which is free again when the peer has taken it. */
async function sendFile(
  call: ServerWritableStream<unknown, Chunk>,
  folder: string,
  file: ModelFile,
  sending: Sending,
): Promise<void> {
  const held: (() => void)[] = [];
  const chunks = modelFileChunks(folder, file, async (bytes) => {
    held.push(await sending.hold(bytes));
  });
  try {
    await sendVectorChunks(call, chunks, () => {
      held.shift()?.();
      sending.progress();
    });
  } finally {
    for (const release of held) release();
  }
}

/**
 * Admits calls of workers connected to this incarnation of the run that show the key of their session, up to a limit of
 * concurrent calls per worker.
 */
function admitted(
  call: Pick<ServerWritableStream<unknown, unknown>, "metadata"> &
    Parameters<CallLimit["begin"]>[1] &
    Parameters<typeof refuse>[0],
  limit: CallLimit,
  { runId, conductor }: ServiceOptions,
  turnAway: (call: object) => void,
): WorkerSession | undefined {
  const session = conductor.session(String(call.metadata.get(metadataKeys.worker)[0]));
  const attends = call.metadata.get(metadataKeys.run)[0] === runId && session !== undefined;
  if (!attends || !isSession(call.metadata, session.key))
    refuse(call, status.PERMISSION_DENIED, "the caller does not attend this run");
  else if (!limit.begin(session.id, call))
    refuse(call, status.RESOURCE_EXHAUSTED, "too many calls of this worker are under way");
  else return session;
  turnAway(call);
  return undefined;
}

/** Validates the metadata of a push, and waits for its announcement, before it reads it or allocates memory. */
async function receivePush(
  call: ServerReadableStream<Chunk, unknown>,
  session: WorkerSession,
  options: ServiceOptions,
): Promise<void> {
  const number = (key: string): number => Number(call.metadata.get(key)[0]);
  const step = number(metadataKeys.step);
  const node = nodeOf({ first: number(metadataKeys.first), count: number(metadataKeys.count) });
  if (call.metadata.get(metadataKeys.checksum)[0] !== nodeChecksum(step, node.first, node.count))
    throw new CoxswainError("network", "what a push says of itself is damaged");
  await admitPush(session, step, node, options);
  const vector = new Float32Array(options.replica.size);
  const checksum = await receiveVector(call, vector, options.allReduceDtype);
  try {
    session.sums.pushed(step, node, { vector, checksum });
  } catch (error) {
    if (error instanceof SumDiffers) options.onDiffering(session, step, node, error);
    throw error;
  }
}

async function receivePushedReplica(
  call: ServerReadableStream<Chunk, unknown>,
  session: WorkerSession,
  size: number,
): Promise<void> {
  const step = Number(call.metadata.get(metadataKeys.step)[0]);
  session.pushedReplica({ step, bytes: await receiveObject(call, replicaLength(size)) });
}
