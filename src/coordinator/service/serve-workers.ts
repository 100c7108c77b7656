/** The gRPC server of a run: the service for workers and the control service. */
import { controlFile, controlHandlers, controlName, controlService } from "../../control/index.js";
import type { RunControl } from "../../control/index.js";
import {
  coordinatorService,
  largestWorkerMessage,
  listen,
  protocolFile,
  runConfigMessage,
  serverCredentials,
} from "../../rpc/index.js";
import type { RunningServer } from "../../rpc/index.js";
import { openFilesLimit } from "../../host/index.js";
import { stepNumber } from "../../ids.js";
import type { Conductor } from "../conductor.js";
import { coordinatorName } from "./listeners.js";
import { Entrance } from "./entrance.js";
import { entranceLimits, guardLimitsOf, sendLimits } from "./limits.js";
import { openSends } from "./sends.js";
import type { CoordinatorOptions, RunParts } from "../run-parts.js";
import type { RunRecorder } from "../record/recorder.js";
import { coordinatorHandlers, tokenRefusal } from "./grpc/service.js";
import { DataNetworks } from "./data-networks.js";
import { connectOverGrpc } from "./grpc/worker-server.js";
import type { WorkerSession } from "./worker-session.js";

/** @returns the server, which the caller closes @throws CoxswainError for an unusable address or certificate */
export async function serveWorkers(
  { run, runId, runDigest, metrics, listeners }: RunParts,
  { conductor, recorder, control }: { conductor: Conductor; recorder: RunRecorder; control: RunControl },
  { clock, gateway, onWorkerFailure }: CoordinatorOptions,
): Promise<RunningServer> {
  const { tls, token, proxy, limits } = run.config.cluster;
  const turnedAway = (reason: string): void => metrics.turnedAway.add(1, { reason });
  const connect = connectOverGrpc({ inTheClear: tls === null, proxy, runId, clock });
  const networks = new DataNetworks(run.config.cluster.data_networks);
  const handlers = coordinatorHandlers({
    conductor,
    clock,
    replica: run.replica,
    runId,
    runConfig: runConfigMessage(run.config),
    model: run.manifest,
    modelPath: run.modelFolder.path,
    layoutFingerprint: run.layoutFingerprint,
    runDigest,
    allReduceDtype: run.config.cluster.all_reduce_dtype,
    silenceTimeout: run.config.cluster.heartbeat_timeout * 1000,
    reach: async (session: WorkerSession) => {
      const problem = await session.reach(connect, networks);
      if (problem !== undefined) recorder.unreachable(session, problem);
    },
    entrance: new Entrance(entranceLimits(run.config.cluster, openFilesLimit()), clock),
    sends: openSends(sendLimits(limits), clock, () => turnedAway("unread")),
    onTurnedAway: () => turnedAway("workers"),
    onReady: (session, ready) => recorder.ready(session, ready),
    onSent: (bytes) => metrics.allReduceBytes.add(bytes, { direction: "sent" }),
    onDiffering: (session, step, node, error) => recorder.differs(session.id, stepNumber(step), node, error.message),
    onFailure: (session, error) => {
      recorder.failed(session, error);
      onWorkerFailure?.(session.id, error);
    },
  });
  const server = await listen({
    host: listeners.workers.host,
    port: listeners.workers.port,
    held: listeners.workers,
    credentials: await serverCredentials(tls),
    services: [
      { name: coordinatorName, definition: coordinatorService, handlers },
      { name: controlName, definition: controlService, handlers: controlHandlers(control) },
    ],
    token,
    refusal: tokenRefusal,
    largestMessage: largestWorkerMessage,
    addressKey: "cluster.listen",
    reflection: [protocolFile, controlFile],
    limits: guardLimitsOf(limits),
    onTurnedAway: turnedAway,
    onHandled: (method, code) => metrics.grpcHandled.add(1, { method, code }),
  });
  const entrance = gateway?.open(runId, handlers);
  if (entrance === undefined) return server;
  return {
    ...server,
    close: async (grace) => {
      entrance.close();
      await server.close(grace);
    },
  };
}
