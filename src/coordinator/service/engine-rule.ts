/**
 * Which engine, backend and kind of device a run computes with. Each of them rounds differently, so in a run that mixes
 * them the adapter depends on which worker computed which shard. The worker whose shard is the first to be accepted
 * determines the choice; from then on workers that differ are refused, unless the run allows them. Until then all may
 * take part: what a worker says of itself locks nobody out.
 */
import { knownComputations } from "../../compute/index.js";

/** What a worker reports that it computes with. */
export interface Computation {
  /** "onnx", "tfjs" */
  readonly engine: string;
  /** The runtime below the engine: "onnxruntime", "wasm", "tfjs-node" … */
  readonly backend: string;
  /** "cpu", "cuda", "webgpu" */
  readonly device: string;
}

export interface EngineRuleOptions {
  /** The run's `compute.engine`. */
  readonly asked: string;
  /** The run's `cluster.allow_mixed_engines`. */
  readonly allowMixed: boolean;
  /** What earlier incarnations of the coordinator computed their steps with; undefined if there are no such steps. */
  readonly before: Computation | undefined;
  /** Called when the first accepted shard has determined the computation. */
  readonly onChosen: (chosen: Computation) => void;
}

export class EngineRule {
  readonly #options: EngineRuleOptions;
  #chosen: Computation | undefined;

  constructor(options: EngineRuleOptions) {
    this.#options = options;
    this.#chosen = options.before;
  }

  /** No worker can change any more what the run is computed with: all sums have the same bits. */
  get isDecided(): boolean {
    return this.#options.allowMixed || this.#chosen !== undefined;
  }

  /** @returns why a worker with this computation is refused; undefined if it may take part */
  admit(own: Computation): string | undefined {
    const { asked, allowMixed } = this.#options;
    if (asked !== "auto" && own.engine !== asked)
      return `the run file says compute.engine: ${asked}, this worker computes with ${nameOf(own)}`;
    if (!isKnown(own))
      return `the worker computes with ${nameOf(own)}, which this version does not know: install the same version on both`;
    const chosen = this.#chosen;
    if (allowMixed || chosen === undefined || nameOf(chosen) === nameOf(own)) return undefined;
    return (
      `the run is computed with ${nameOf(chosen)}, this worker computes with ${nameOf(own)}, and their ` +
      "results differ in the last bits; give the worker the same engine, backend and device (docs/engines.md), or set " +
      "cluster.allow_mixed_engines: true for a result that depends on who computed what"
    );
  }

  /** A shard of a worker with this computation was accepted. @returns whether it is the first one, which decides */
  accepted({ engine, backend, device }: Computation): boolean {
    if (this.#chosen !== undefined) return false;
    this.#chosen = { engine, backend, device };
    this.#options.onChosen(this.#chosen);
    return true;
  }
}

/** "tfjs (wasm) on cpu" */
export const nameOf = ({ engine, backend, device }: Computation): string => `${engine} (${backend}) on ${device}`;

const isKnown = ({ engine, backend, device }: Computation): boolean =>
  knownComputations.some(
    (known) => known.engine === engine && known.backends.includes(backend) && known.devices.includes(device),
  );
