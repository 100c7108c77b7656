/**
 * Which engine, which runtime below it and which kind of device a run computes with. Each rounds in its own way, so a run
 * whose shards are computed by several has an adapter that depends on who computed what: the first worker decides, and
 * others are refused unless the run allows them.
 */

/** What a worker says that it computes with. */
export interface Computation {
  /** "onnx", "tfjs" */
  readonly engine: string;
  /** The runtime below it: "onnxruntime", "wasm", "tfjs-node" … */
  readonly backend: string;
  /** "cpu", "cuda", "webgpu" */
  readonly device: string;
}

export interface EngineRuleOptions {
  /** The run's `cluster.allow_mixed_engines`. */
  readonly allowMixed: boolean;
  /** What the steps before this life of the coordinator were computed with, if there were any. */
  readonly before: Computation | undefined;
  /** The first worker has decided. */
  readonly onChosen: (chosen: Computation) => void;
}

export class EngineRule {
  readonly #options: EngineRuleOptions;
  #chosen: Computation | undefined;

  constructor(options: EngineRuleOptions) {
    this.#options = options;
    this.#chosen = options.before;
  }

  /** @returns why a worker that computes with this is refused; undefined where it may take part */
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
