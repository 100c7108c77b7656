/** The coordinator's gRPC service, for callers who have shown the token: the control stream, and calls that carry much. */
import type { CoordinatorHandlers } from "../../../rpc/index.js";
import { attendCall } from "../attendance.js";
import { bulkHandlers } from "./bulk-calls.js";
import type { ServiceOptions } from "../options.js";
import { serveControlCall } from "./control-call.js";

/** What a caller is told who does not show the token. */
export const tokenRefusal = "the token is wrong or missing (--token or COXSWAIN_TOKEN)";

export const coordinatorHandlers = (options: ServiceOptions): CoordinatorHandlers => ({
  Attend: (stream) => serveControlCall(stream, (call) => attendCall(call, options)),
  ...bulkHandlers(options),
});
