/** What a compute thread runs. */
import { parentPort } from "node:worker_threads";
import { CoxswainError } from "../../errors.js";
import { engineNamed } from "../engines.js";
import { ComputeHost } from "./host.js";
import type { Request } from "./messages.js";

const port = parentPort;
if (port === null) throw new CoxswainError("bug", "the compute thread's entry was run as a program");
const host = new ComputeHost(engineNamed);
port.on("message", (request: Request) => {
  void host.answer(request).then((reply) => port.postMessage(reply));
});
