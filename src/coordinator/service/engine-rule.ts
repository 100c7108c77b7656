/**
 * Which engine, backend and kind of device a run computes with. Each of them rounds differently, so in a run that mixes
 * them the adapter depends on which worker computed which shard. The first worker determines the choice; workers that
 * differ are refused, unless the run allows them.
 */

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
  /** The run's `cluster.allow_mixed_engines`. */
  readonly allowMixed: boolean;
  /** What earlier incarnations of the coordinator computed their steps with; undefined if there are no such steps. */
  readonly before: Computation | undefined;
  /** Called when the first worker has determined the computation. */
  readonly onChosen: (chosen: Computation) => void;
}

export class EngineRule {
  readonly #options: EngineRuleOptions;
  #chosen: Computation | undefined;

  constructor(options: EngineRuleOptions) {
    this.#options = options;
    this.#chosen = options.before;
  }

  /** @returns why a worker with this computation is refused; undefined if it may take part */
  admit({ engine, backend, device }: Computation): string | undefined {
    const own = { engine, backend, device };
    if (this.#chosen === undefined) {
      this.#chosen = own;
      this.#options.onChosen(own);
    }
    const chosen = this.#chosen;
    if (this.#options.allowMixed || nameOf(chosen) === nameOf(own)) return undefined;
    return (
      `the run is computed with ${nameOf(chosen)}, this worker computes with ${nameOf(own)}, and their ` +
      "results differ in the last bits; give the worker the same engine, backend and device (docs/engines.md), or set " +
      "cluster.allow_mixed_engines: true for a result that depends on who computed what"
    );
  }
}

/** "tfjs (wasm) on cpu" */
const nameOf = ({ engine, backend, device }: Computation): string => `${engine} (${backend}) on ${device}`;
