/** Explains to users why a call to a reachable coordinator failed. Pure. */
import { status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { CoxswainError } from "../errors.js";
import { textFromOutside } from "../visible-text.js";
import { packedError } from "./error-status.js";

interface Explanation {
  readonly code: "network" | "cluster";
  /** The predicate of the message: "did not answer". */
  readonly says: string;
  readonly hint: string;
}

const sameVersion = "Install the same version of Coxswain on both sides.";
const broke = (details: string): Explanation => ({
  code: "network",
  says: `closed the connection: ${details}`,
  hint: "The run may be over, or its coordinator may be restarting.",
});

/** By gRPC status; from the status details and the timeout, ms. */
const explanations: Partial<Record<status, (details: string, wait: number) => Explanation>> = {
  [status.UNAUTHENTICATED]: (details) => ({
    code: "cluster",
    says: `refused the call: ${details}`,
    hint: "Pass the run's token (cluster.token in the run file) as --token or COXSWAIN_TOKEN.",
  }),
  [status.RESOURCE_EXHAUSTED]: (details) => ({
    code: "cluster",
    says: `refused the call: ${details}`,
    hint: "Try again in a few seconds, with the run's token.",
  }),
  [status.UNIMPLEMENTED]: () => ({
    code: "cluster",
    says: "cannot be controlled: it runs another version, or is not a coordinator",
    hint: sameVersion,
  }),
  [status.DEADLINE_EXCEEDED]: (_, wait) => ({
    code: "network",
    says: `did not answer in ${wait / 1000} s`,
    hint: "Its machine or the network may be overloaded or down. Try again.",
  }),
  [status.UNAVAILABLE]: broke,
  [status.CANCELLED]: broke,
};

const unreadable = (details: string): Explanation => ({
  code: "network",
  says: `sent an invalid answer: ${details}`,
  hint: `Another program may listen there. ${sameVersion}`,
});

/**
 * @param address of the coordinator
 * @param wait timeout of the call, ms
 */
export function explainCall(error: ServiceError, address: string, wait: number): CoxswainError {
  const packed = packedError(error);
  if (packed !== undefined) return packed;
  const { code, says, hint } = (explanations[error.code] ?? unreadable)(textFromOutside(error.details), wait);
  return new CoxswainError(code, `the coordinator at ${address} ${says}`, { hint });
}
