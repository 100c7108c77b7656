/** Limits on the calls of one worker, and validation of what it reports about itself. Does not depend on streams. */
import { addressProblem } from "../../config/index.js";
import { deviceWords, engineWords, isCertificate, isHeaderText } from "../../rpc/index.js";
import type { DeviceWord, EngineWord, JoinOutput, ReadyOutput, ReplicaBytes } from "../../rpc/index.js";

/** Concurrent bulk downloads per worker: in a large mesh a worker may miss many slices at the same time. */
export const pullsAllowed = 64;

/** Concurrent downloads of model files per worker, which takes one after another. */
export const filePullsAllowed = 4;

/** Concurrent bulk uploads per worker: each one allocates memory for a gradient. */
export const pushesAllowed = 16;

/** Limits the calls in progress per worker. */
export class CallLimit {
  readonly #calls = new Map<string, number>();

  constructor(readonly most: number) {}

  /** @returns false, without counting the call, if the worker has reached the limit */
  begin(worker: string, call: { once(event: "close", over: () => void): unknown }): boolean {
    const count = this.#calls.get(worker) ?? 0;
    if (count >= this.most) return false;
    this.#calls.set(worker, count + 1);
    call.once("close", () => this.#end(worker));
    return true;
  }

  #end(worker: string): void {
    const left = (this.#calls.get(worker) ?? 1) - 1;
    if (left > 0) this.#calls.set(worker, left);
    else this.#calls.delete(worker);
  }
}

/** One copy of the replica, shared by all workers that concurrently pull the same step. */
export class SharedReplica {
  readonly #copy: () => ReplicaBytes;
  readonly #stepOf: () => number;
  #shared: (ReplicaBytes & { readers: number }) | undefined;

  constructor(stepOf: () => number, copy: () => ReplicaBytes) {
    this.#stepOf = stepOf;
    this.#copy = copy;
  }

  /** The replica of the newest step. The caller releases it exactly once, after it has been sent. */
  hold(): ReplicaBytes & { readonly release: () => void } {
    if (this.#shared?.step !== this.#stepOf()) this.#shared = { ...this.#copy(), readers: 0 };
    const shared = this.#shared;
    shared.readers++;
    const release = (): void => {
      if (--shared.readers === 0 && this.#shared === shared) this.#shared = undefined;
    };
    return { step: shared.step, bytes: shared.bytes, release };
  }
}

/** Safe to show on a terminal: no control characters. */
const printable = /^\P{Cc}*$/u;

/**
 * Validates a join message: ids are written to files, metrics and headers; the coordinator connects to the address and
 * passes it to the other workers.
 * @returns the problem, or undefined
 */
export function joinProblem({
  workerId,
  host,
  softwareVersion,
  dataPort,
  dataHost,
  dataKey,
  dataCertificate,
}: JoinOutput): string | undefined {
  if (workerId === "") return "a worker needs an id";
  if (workerId.length > 300 || !isHeaderText(workerId))
    return "a worker's id is at most 300 printable ASCII characters";
  if ([host, softwareVersion].some((text) => text.length > 300 || !printable.test(text)))
    return "a worker's host and version have at most 300 characters, none of which is a control character";
  if (dataKey.length > 300 || !isHeaderText(dataKey)) return "a worker's key is at most 300 printable ASCII characters";
  if (dataCertificate.length > largestCertificate || !isCertificate(dataCertificate))
    return "what a worker gives as its server's certificate is none";
  if (dataPort > 65_535) return `${dataPort} is not a port`;
  if (dataHost === "") return undefined;
  const problem = addressProblem(`${dataHost}:${dataPort}`, { allowPortZero: true });
  return problem === undefined ? undefined : `the worker's address: ${problem.message}`;
}

/** Bytes of the largest certificate that a worker may give. */
const largestCertificate = 4096;

/** What a worker reports about its computation once it has opened the model. */
export interface Readiness {
  readonly engine: EngineWord;
  readonly device: DeviceWord;
  readonly backend: string;
  readonly backendReason: string;
  /** Empty if there is no warning. */
  readonly backendWarning: string;
}

/** Validates what is written to files and shown on screens. @returns the problem, as text, if there is one */
export function readReadiness(ready: ReadyOutput): Readiness | string {
  const { backend, backendReason, backendWarning } = ready;
  const engine = engineWords.find(ready.engine);
  const device = deviceWords.find(ready.device);
  if (engine === undefined || device === undefined)
    return "the worker names no engine and device of this version: install the same version on both";
  if (backend.length > 100 || !isHeaderText(backend))
    return "the name of a backend is at most 100 printable ASCII characters";
  if ([backendReason, backendWarning].some((text) => text.length > 2_000 || !printable.test(text)))
    return "what a worker says of its backend is a line of at most 2000 characters";
  return { engine, device, backend, backendReason, backendWarning };
}
