/** Generation with a key/value cache. The weights belong to the trainable; the cache belongs to the decoder. */
import { gather, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { checkPositions, checkTokens } from "../batch/check-tokens.js";
import { Places, type FedPlaces } from "../batch/places.js";
import type { RotaryTable } from "../batch/rotary-table.js";
import { CoxswainError } from "../../errors.js";
import type { Decoder } from "../engine.js";
import { headWeight, hiddenStates, type DecoderSpec } from "../families/index.js";
import type { Adapters } from "./adapters.js";
import type { Backend } from "./backends.js";
import { CacheScope, KeyValueCache } from "./cache-scope.js";
import { windowsOf } from "./masks.js";
import type { TensorContext } from "./context.js";
import { runtimeTrouble } from "./runtime-trouble.js";
import { sequenceTensors } from "./sequence.js";
import { softCapped } from "./soft-cap.js";
import { TensorOps } from "./tensor-ops.js";
import type { Weights } from "./weights.js";

export interface TfjsDecoderParts {
  readonly spec: DecoderSpec;
  readonly weights: Weights;
  readonly backend: Backend;
  /** Their values may change between feeds. */
  readonly adapters: Adapters;
  readonly rotary: readonly RotaryTable[];
  readonly onClose: () => void;
}

export class TfjsDecoder implements Decoder {
  readonly #parts: TfjsDecoderParts;
  readonly #rows: number;
  readonly #places: Places;
  readonly #cache = new KeyValueCache();
  #closed = false;

  constructor(rows: number, parts: TfjsDecoderParts) {
    this.#parts = parts;
    this.#rows = rows;
    this.#places = new Places(rows);
  }

  feed(inputIds: Int32Array, valid: Uint8Array, length: number): Promise<Float32Array> {
    return Promise.resolve().then(() => {
      if (this.#closed) throw new CoxswainError("bug", "a decoder was used after it was closed");
      const { spec } = this.#parts;
      checkTokens(inputIds, spec);
      const fed = this.#places.feed(valid, length);
      checkPositions(fed.positions, spec);
      return runtimeTrouble(this.#parts.backend, "generation", () => this.#logits(inputIds, length, fed));
    });
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#cache.dispose();
      this.#parts.onClose();
    }
    return Promise.resolve();
  }

  #logits(inputIds: Int32Array, length: number, fed: FedPlaces): Float32Array {
    const { spec, weights, backend, adapters, rotary } = this.#parts;
    const rows = this.#rows;
    const logits = tidy(() => {
      const context: TensorContext = {
        weights,
        adapters,
        products: backend.products,
        sequence: sequenceTensors({ rows, length, inputIds, positions: fed.positions }, rotary),
        scope: new CacheScope(this.#cache, fed, rows, windowsOf(spec)),
        dropout: null,
        tape: null,
      };
      const hidden = hiddenStates(new TensorOps(context, false), spec);
      const last = gather(hidden, tensor1d(fed.lastTokens, "int32"));
      return softCapped(backend.products.transposedRight(last, weights.get(headWeight(spec))), spec.logitSoftCap);
    });
    const values = logits.dataSync<"float32">();
    logits.dispose();
    return values;
  }
}
