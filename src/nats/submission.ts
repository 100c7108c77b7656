/**
 * A submitted run: its message in the queue, and the checks on it. Paths are absolute paths on the serving machine;
 * secrets are not allowed. Pure.
 */
import { isAbsolute } from "node:path";
import { parseRun, runNameProblem, runPaths } from "../config/index.js";
import type { Override, RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";

export interface Submission {
  /** Unique id of this submission. */
  readonly id: string;
  /** The run's name. */
  readonly run: string;
  /** ISO 8601, UTC. */
  readonly submitted_at: string;
  /** "user@host" */
  readonly submitted_by: string;
  /** The run file as YAML, with absolute paths. */
  readonly settings: string;
  /** Of a signed one, see signature.ts. */
  readonly signer?: string;
  readonly signature?: string;
}

const secretHint = (variable: string): string => `Remove it, and set ${variable} on the servers.`;

/** @throws CoxswainError "config" for a run that contains secrets: many clients may read the queue */
export function refuseSecrets({ cluster, telemetry }: RunConfig): void {
  const [found] = [
    ["cluster.token", "COXSWAIN_TOKEN", cluster.token],
    ["telemetry.nats.password", "COXSWAIN_NATS_PASSWORD", telemetry.nats?.password],
    ["telemetry.nats.token", "COXSWAIN_NATS_TOKEN", telemetry.nats?.token],
  ].filter(([, , value]) => typeof value === "string");
  if (found === undefined) return;
  const [key, variable] = found;
  throw new CoxswainError("config", `${key ?? ""}: a submitted run must not contain secrets`, {
    hint: secretHint(variable ?? ""),
  });
}

/** @throws CoxswainError "config" if it is not a submission */
export function parseSubmission(text: string): Submission {
  try {
    const found = JSON.parse(text) as Partial<Record<keyof Submission, unknown>>;
    const { id, run, submitted_at, submitted_by, settings, signer, signature } = found;
    if (
      typeof id === "string" &&
      typeof run === "string" &&
      runNameProblem(run) === undefined &&
      typeof submitted_at === "string" &&
      typeof submitted_by === "string" &&
      typeof settings === "string"
    ) {
      const isSigned = typeof signer === "string" && typeof signature === "string";
      return { id, run, submitted_at, submitted_by, settings, ...(isSigned ? { signer, signature } : {}) };
    }
  } catch {
    // Told below.
  }
  throw new CoxswainError("config", "a message in the queue is not a submitted run", {
    hint: "Submit runs with `coxswain submit`.",
  });
}

/**
 * The settings of a submitted run, if this machine has its paths.
 * @param overrides of this machine
 * @param exists whether something is at a path
 * @param host this machine's name
 * @throws CoxswainError "config" that names the keys
 */
export function readSubmission(
  submission: Submission,
  overrides: readonly Override[],
  environment: Readonly<Record<string, string | undefined>>,
  exists: (path: string) => boolean,
  host: string,
): RunConfig {
  const config = parseRun(submission.settings, submission.run, overrides, environment);
  const problems = runPaths(config).flatMap(({ key, path, use }) => {
    if (!isAbsolute(path)) return [`${key}: ${path} is relative, but to an unknown folder`];
    return use === "read" && !exists(path) ? [`${key}: ${path} does not exist on ${host}`] : [];
  });
  if (problems.length === 0) return config;
  throw new CoxswainError("config", problems.join("; "), {
    hint: "A submitted run needs absolute paths on storage that all serving machines mount at the same path.",
  });
}
