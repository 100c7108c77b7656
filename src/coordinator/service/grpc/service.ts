/** The coordinator's gRPC service for authenticated callers: the control stream and the bulk calls. */
import type { CoordinatorHandlers } from "../../../rpc/index.js";
import { attendCall } from "../attendance.js";
import { bulkHandlers } from "./bulk-calls.js";
import type { ServiceOptions } from "../options.js";
import { serveControlCall } from "./control-call.js";

/** The error message for callers without a valid token. */
export const tokenRefusal = "the token is wrong or missing (--token or COXSWAIN_TOKEN)";

export const coordinatorHandlers = (options: ServiceOptions): CoordinatorHandlers => ({
  Attend: (stream) => serveControlCall(stream, (call) => attendCall(call, options)),
  ...bulkHandlers(options),
});
