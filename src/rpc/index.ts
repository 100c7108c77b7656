export {
  bulkDeadline,
  bulkTimeout,
  receiveObject,
  receiveReplica,
  receiveVector,
  replicaLength,
  sendChunks,
  sendObject,
  sendReplica,
  sendVector,
  sendVectorChunks,
} from "./bulk.js";
export type { ReplicaBytes } from "./bulk.js";
export {
  bulkChannelOptions,
  controlChannelOptions,
  largestRequest,
  largestWorkerMessage,
  serverOptions,
} from "./options.js";
export { guardLimits } from "./guard-limits.js";
export type { GuardLimits } from "./guard-limits.js";
export type { TurnedAway } from "./guard.js";
export {
  CoordinatorClient,
  WorkerClient,
  coordinatorService,
  loadProtocol,
  protocolFile,
  protocolVersion,
  workerService,
  writtenOnce,
} from "./proto.js";
export { isCertificate, ownCertificate } from "./own-certificate.js";
export type { OwnCertificate } from "./own-certificate.js";
export { clientCredentials, ownServerCredentials, serverCredentials, withToken } from "./security.js";
export type { ClientTls, ServerTls } from "./security.js";
export { isHeaderText, isSession, metadataKeys, nodeChecksum } from "./metadata.js";
export { checkConnections } from "./preflight.js";
export { proxyTrouble, routeTo, routeToText } from "./route.js";
export type { ProxyUse, Route } from "./route.js";
export { ownRelease, releaseProblem } from "./releases.js";
export type { Release } from "./releases.js";
export { reportSlowPath } from "./slow-path.js";
export { refusalCounter, resetCall } from "./direct.js";
export { refuse } from "./refuse.js";
export type { Refusal } from "./refuse.js";
export { PullRefused } from "./pull-queue.js";
export type { PullOptions, PulledChecksum } from "./pull-queue.js";
export { PullServer } from "./pull-server.js";
export type { PullAnswer, PullCall } from "./pull-server.js";
export { PullStream } from "./pull-stream.js";
export type { Wanted } from "./pull-stream.js";
export { workerClient } from "./worker-client.js";
export { WorkerConnection } from "./worker-connection.js";
export { needsConnection } from "./stall.js";
export { holdPort } from "./held-port.js";
export type { HeldPort } from "./held-port.js";
export { isServedAt } from "./who-listens.js";
export { listen } from "./server.js";
export type { RunningServer } from "./server.js";
export type { ServedService } from "./served-service.js";
export { packInts, unpackInts } from "./pack.js";
export type * from "./types.js";
export { explainRoute, whyUnreachable } from "./unreachable.js";
export { readRunConfig, runConfigMessage } from "./run-config.js";
export { EnumWords, deviceWords, engineWords, taskWords } from "./words.js";
export type { DeviceWord, EngineWord } from "./words.js";
