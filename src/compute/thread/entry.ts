/** What a compute thread runs. */
import { parentPort, workerData } from "node:worker_threads";
import { detach } from "../../async/index.js";
import { CoxswainError } from "../../errors.js";
import { packError } from "../../packed-error.js";
import { engineNamed } from "../engines.js";
import { ComputeHost } from "./host.js";
import type { Reply, Request } from "./messages.js";
import { RestFlag } from "./rest-flag.js";

const port = parentPort;
if (port === null) throw new CoxswainError("bug", "the compute thread's entry point was run as a program");
const host = new ComputeHost(engineNamed);
const rest = RestFlag.of(workerData);
port.on("message", (request: Request) => {
  if (!rest.begin()) return;
  const answered = host.answer(request).finally(() => rest.end());
  detach(
    answered.then((reply) => port.postMessage(reply)),
    // The answer cannot be sent, but the error can.
    (error) => port.postMessage({ id: request.id, error: packError(error) } satisfies Reply),
  );
});
