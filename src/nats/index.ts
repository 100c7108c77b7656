/**
 * Runs over NATS: events, control, discovery and the queue. Only this folder imports the package `nats`; it is loaded
 * only if a server is configured.
 */
export { openConnection } from "./connection.js";
export { CoordinatorFinder } from "./finder.js";
export { NatsReporter } from "./reporter.js";
export type { RunReporter } from "./reporter.js";
export { RunQueue } from "./run-queue.js";
export type { TakenRun } from "./run-queue.js";
export { checkPublicKey, requireSignature, sign } from "./signature.js";
export { parseSubmission, readSubmission, refuseSecrets } from "./submission.js";
export type { Submission } from "./submission.js";
export { submitRun } from "./submit.js";
export { connectNatsRun } from "./remote-run.js";
