export {
  bulkDeadline,
  bulkTimeout,
  receiveObject,
  receiveVector,
  sendChunks,
  sendObject,
  sendVector,
  sendVectorChunks,
} from "./bulk.js";
export {
  bulkChannelOptions,
  controlChannelOptions,
  largestRequest,
  largestWorkerMessage,
  serverOptions,
} from "./options.js";
export { guardLimits } from "./guard.js";
export type { GuardLimits } from "./guard.js";
export {
  CoordinatorClient,
  WorkerClient,
  coordinatorService,
  packageDefinition,
  protocolVersion,
  workerService,
} from "./proto.js";
export { clientCredentials, serverCredentials, showsToken, withToken } from "./security.js";
export type { ClientTls, ServerTls } from "./security.js";
export { metadataKeys, nodeChecksum } from "./metadata.js";
export { listen } from "./server.js";
export type { RunningServer } from "./server.js";
export { packInts, unpackInts } from "./pack.js";
export type * from "./types.js";
export { whyUnreachable } from "./unreachable.js";
