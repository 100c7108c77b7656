/** What one worker may ask of the coordinator at most, and what it may say of itself. Knows no stream and no message. */
import { X509Certificate } from "node:crypto";
import { addressProblem } from "../../config/index.js";
import { deviceWords, engineWords } from "../../rpc/index.js";
import type { DeviceWord, EngineWord, JoinOutput, ReadyOutput, ReplicaBytes } from "../../rpc/index.js";

/** Calls of one worker at once that are answered with bulk: a worker of a large mesh may miss many slices at once. */
export const pullsAllowed = 64;

/** Calls of one worker at once that bring bulk: each takes the memory of a gradient. */
export const pushesAllowed = 16;

/** Counts calls under way by worker. */
export class CallLimit {
  readonly #calls = new Map<string, number>();

  constructor(readonly most: number) {}

  /** @returns false, counting nothing, where the worker has its fill already */
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

/** One copy of the replica for all who pull the same step at once. */
export class SharedReplica {
  readonly #copy: () => ReplicaBytes;
  readonly #stepOf: () => number;
  #shared: (ReplicaBytes & { readers: number }) | undefined;

  constructor(stepOf: () => number, copy: () => ReplicaBytes) {
    this.#stepOf = stepOf;
    this.#copy = copy;
  }

  /** The newest step's; to be released, once, when it has been sent. */
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

/** What travels in a header: printable, no spaces. */
const plain = /^[\x21-\x7e]*$/;

/** What can be shown on a terminal. */
const printable = /^\P{Cc}*$/u;

/**
 * What is wrong with how a worker introduces itself, or undefined. Ids end up in files, metrics and headers; its address
 * is connected to, and given to the others.
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
  if (workerId.length > 300 || !plain.test(workerId)) return "a worker's id is at most 300 printable ASCII characters";
  if ([host, softwareVersion].some((text) => text.length > 300 || !printable.test(text)))
    return "a worker's host and version have at most 300 characters, none of which is a control character";
  if (dataKey.length > 300 || !plain.test(dataKey)) return "a worker's key is at most 300 printable ASCII characters";
  if (!isCertificate(dataCertificate)) return "what a worker gives as its server's certificate is none";
  if (dataPort > 65_535) return `${dataPort} is no port`;
  if (dataHost === "") return undefined;
  const problem = addressProblem(`${dataHost}:${dataPort}`, { allowPortZero: true });
  return problem === undefined ? undefined : `the worker's address: ${problem.message}`;
}

/** DER of at most 4 KiB, or nothing. */
function isCertificate(bytes: Uint8Array): boolean {
  if (bytes.length > 4096) return false;
  try {
    return bytes.length === 0 || new X509Certificate(bytes).raw.equals(bytes);
  } catch {
    return false;
  }
}

/** What a worker says of its computation once it has opened the model. */
export interface Readiness {
  readonly engine: EngineWord;
  readonly device: DeviceWord;
  readonly backend: string;
  readonly backendReason: string;
  /** Empty where there is nothing. */
  readonly backendWarning: string;
}

/** It goes into files and onto screens. @returns a text where something is wrong with it */
export function readReadiness(ready: ReadyOutput): Readiness | string {
  const { backend, backendReason, backendWarning } = ready;
  const engine = engineWords.find(ready.engine);
  const device = deviceWords.find(ready.device);
  if (engine === undefined || device === undefined)
    return "the worker names no engine and device of this version: install the same version on both";
  if (backend.length > 100 || !plain.test(backend))
    return "the name of a backend is at most 100 printable ASCII characters";
  if ([backendReason, backendWarning].some((text) => text.length > 2_000 || !printable.test(text)))
    return "what a worker says of its backend is a line of at most 2000 characters";
  return { engine, device, backend, backendReason, backendWarning };
}
