/** One sequence during generation: its tokens, and whether and why it has ended. Does not know the model. */
import { PhiloxStream, streams } from "../math/index.js";
import { sampleToken, type SamplingOptions } from "./sampler.js";

/**
 * Why a sequence ended: a stop token; `maxNewTokens`; or the model has no further positions.
 */
export type FinishReason = "stop" | "length" | "context";

/** What was generated after one prompt. */
export interface Generation {
  /** Without the stop token. */
  readonly tokens: Int32Array;
  readonly finish: FinishReason;
  /** The token that ended it, if any. */
  readonly stopId: number | null;
}

export interface SequenceOptions {
  /** Maximum number of new tokens. */
  readonly maxNewTokens: number;
  /** Context length of the model. Default: unlimited. */
  readonly contextLength?: number;
  /** Of the random draws. Default 0. */
  readonly seed?: number;
}

/** A sequence that is being generated. */
export class Sequence {
  readonly number: number;
  readonly prompt: Int32Array;
  readonly #tokens: number[] = [];
  readonly #limit: number;
  readonly #atLimit: FinishReason;
  readonly #random: PhiloxStream;
  #finish: FinishReason | null = null;
  #stopId: number | null = null;

  constructor(
    number: number,
    prompt: Int32Array,
    { maxNewTokens, contextLength = Infinity, seed = 0 }: SequenceOptions,
  ) {
    const room = contextLength - prompt.length;
    this.number = number;
    this.prompt = prompt;
    this.#limit = Math.min(maxNewTokens, room);
    this.#atLimit = room < maxNewTokens ? "context" : "length";
    this.#random = new PhiloxStream(seed, streams.sampling, number);
  }

  get finished(): boolean {
    return this.#finish !== null;
  }

  /** The token to feed next. */
  get last(): number {
    return this.#tokens.at(-1) ?? 0;
  }

  /**
   * Draws the next token, which may end the sequence.
   * @returns null for a stop token
   */
  draw(logits: Float32Array, sampling: SamplingOptions, stopIds: ReadonlySet<number>): number | null {
    const token = sampleToken(logits, sampling, () => this.#random.uniform());
    if (stopIds.has(token)) {
      this.#finish = "stop";
      this.#stopId = token;
      return null;
    }
    this.#tokens.push(token);
    if (this.#tokens.length >= this.#limit) this.#finish = this.#atLimit;
    return token;
  }

  result(): Generation {
    if (this.#finish === null) throw new TypeError(`sequence ${this.number} has not ended`);
    return { tokens: Int32Array.from(this.#tokens), finish: this.#finish, stopId: this.#stopId };
  }
}
