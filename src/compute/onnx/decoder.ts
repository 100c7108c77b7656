/** Generation with a key/value cache. The session belongs to the trainable; the cache belongs to the decoder. */
import { CoxswainError } from "../../errors.js";
import type { Decoder } from "../engine.js";
import type { DecoderSpec } from "../families/index.js";
import { checkPositions, checkTokens } from "../batch/check-tokens.js";
import { pastName, presentName } from "./cache-scope.js";
import { sequenceFeeds } from "./feeds.js";
import { lastTokensName, logitsName } from "./generation-graph.js";
import { Places, type FedPlaces } from "../batch/places.js";
import type { RotaryTable } from "../batch/rotary-table.js";
import type { Feeds, Outputs, Session, TensorClass } from "./session.js";

export interface OnnxDecoderParts {
  readonly session: Session;
  readonly tensor: TensorClass;
  readonly spec: DecoderSpec;
  readonly rotary: readonly RotaryTable[];
  /** The adapter's tensors, whose values may change between feeds, and resident weights. */
  readonly constants: Feeds;
}

/** A cached tensor: the graph input that it is fed to, and the output that it comes back from, longer. */
interface CacheSlot {
  readonly past: string;
  readonly present: string;
}

const cacheSlots = (spec: DecoderSpec): CacheSlot[] =>
  spec.layers.flatMap((_, layer) =>
    (["key", "value"] as const).map((part) => ({ past: pastName(layer, part), present: presentName(layer, part) })),
  );

/** The generation graph's outputs that are only ever fed back to it. */
export const cacheNames = (spec: DecoderSpec): string[] => cacheSlots(spec).map(({ present }) => present);

/** Releases tensors in device memory; the rest is garbage collected. */
function release(cache: Feeds): void {
  for (const tensor of Object.values(cache)) if (tensor.location === "gpu-buffer") tensor.dispose();
}

export class OnnxDecoder implements Decoder {
  readonly #parts: OnnxDecoderParts;
  readonly #rows: number;
  readonly #places: Places;
  readonly #slots: readonly CacheSlot[];
  /** By the name of the graph input; null once closed. */
  #cache: Feeds | null;

  constructor(rows: number, parts: OnnxDecoderParts) {
    const { spec, tensor: TensorOf } = parts;
    this.#parts = parts;
    this.#rows = rows;
    this.#places = new Places(rows);
    this.#slots = cacheSlots(spec);
    const nothing = new TensorOf("float32", new Float32Array(), [rows, spec.keyValueHeads, 0, spec.headDim]);
    this.#cache = Object.fromEntries(this.#slots.map(({ past }) => [past, nothing]));
  }

  async feed(inputIds: Int32Array, valid: Uint8Array, length: number): Promise<Float32Array> {
    if (this.#cache === null) throw new CoxswainError("bug", "a decoder was used after it was closed");
    const { spec } = this.#parts;
    checkTokens(inputIds, spec);
    const fed = this.#places.feed(valid, length);
    checkPositions(fed.positions, spec);
    const feeds = { ...this.#feeds(inputIds, length, fed), ...this.#cache };
    const outputs = await this.#parts.session.run(feeds, [logitsName, ...this.#slots.map(({ present }) => present)]);
    const before = this.#cache;
    this.#cache = Object.fromEntries(this.#slots.map(({ past, present }) => [past, output(outputs, present)]));
    release(before);
    return output(outputs, logitsName).data as Float32Array;
  }

  close(): Promise<void> {
    if (this.#cache !== null) release(this.#cache);
    this.#cache = null;
    return Promise.resolve();
  }

  #feeds(inputIds: Int32Array, length: number, fed: FedPlaces): Feeds {
    const { tensor: TensorOf, rotary, constants } = this.#parts;
    const { places, placePositions, placeValid, lastTokens, positions } = fed;
    const rows = this.#rows;
    return {
      ...sequenceFeeds(TensorOf, { rows, length, inputIds, positions }, rotary),
      ...constants,
      place_positions: new TensorOf("int64", BigInt64Array.from(placePositions, BigInt), [rows, places]),
      place_valid: new TensorOf("bool", placeValid, [rows, places]),
      [lastTokensName]: new TensorOf("int32", lastTokens, [rows]),
    };
  }
}

function output(outputs: Outputs, name: string): Feeds[string] {
  const tensor = outputs[name];
  if (tensor === undefined) throw new CoxswainError("bug", `the generation graph did not return ${name}`);
  return tensor;
}
