/** What went wrong with a call to a coordinator that was reached, in a user's words. Pure. */
import { status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { CoxswainError } from "../errors.js";
import { packedError } from "./error-status.js";

interface Explanation {
  readonly code: "network" | "cluster";
  /** What the coordinator does, or did not do. */
  readonly says: string;
  readonly hint: string;
}

const sameVersion = "Install the same version of Coxswain on both sides.";
const broke = (details: string): Explanation => ({
  code: "network",
  says: `hangs up: ${details}`,
  hint: "The run may be over, or its coordinator be starting again.",
});

/** By gRPC status, from its details and how long was waited, ms. */
const explanations: Partial<Record<status, (details: string, wait: number) => Explanation>> = {
  [status.UNAUTHENTICATED]: (details) => ({
    code: "cluster",
    says: `refuses the call: ${details}`,
    hint: "Give the run's token: --token or COXSWAIN_TOKEN, the run file's cluster.token.",
  }),
  [status.RESOURCE_EXHAUSTED]: (details) => ({
    code: "cluster",
    says: `refuses the call: ${details}`,
    hint: "Try again in some seconds, with the run's token.",
  }),
  [status.UNIMPLEMENTED]: () => ({
    code: "cluster",
    says: "cannot be steered: it is of another version, or no coordinator",
    hint: sameVersion,
  }),
  [status.DEADLINE_EXCEEDED]: (_, wait) => ({
    code: "network",
    says: `did not answer in ${wait / 1000} s`,
    hint: "Its machine, or the network between, may be busy or down. Try again.",
  }),
  [status.UNAVAILABLE]: broke,
  [status.CANCELLED]: broke,
};

const unreadable = (details: string): Explanation => ({
  code: "network",
  says: `answers what cannot be read: ${details}`,
  hint: `Something else may listen there. ${sameVersion}`,
});

/**
 * @param address of the coordinator
 * @param wait how long was waited for the answer, ms
 */
export function explainCall(error: ServiceError, address: string, wait: number): CoxswainError {
  const packed = packedError(error);
  if (packed !== undefined) return packed;
  const { code, says, hint } = (explanations[error.code] ?? unreadable)(error.details, wait);
  return new CoxswainError(code, `the coordinator at ${address} ${says}`, { hint });
}
