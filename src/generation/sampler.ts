/**
 * Selects the next token from a row of logits: greedy, temperature, top-k and top-p. Pure: randomness is passed in;
 * does not know models or text. Filters equal transformers' `TemperatureLogitsWarper`, `TopKLogitsWarper` and
 * `TopPLogitsWarper`, in this order and in f32.
 */
import { CoxswainError } from "../errors.js";

/** How the next token is chosen. */
export interface SamplingOptions {
  /** Logits are divided by it; 0 selects the most likely token and ignores the other settings. */
  readonly temperature: number;
  /** Keeps only the most likely tokens whose probabilities add up to this value; 1 keeps all. */
  readonly topP: number;
  /** Keeps only this many of the most likely tokens (more if equal); 0 keeps all. */
  readonly topK: number;
}

/** Always the most likely token. */
export const greedy: SamplingOptions = { temperature: 0, topP: 1, topK: 0 };

/** The tokens that may be drawn. */
export interface Candidates {
  /** In rising order, [candidates]. */
  readonly ids: Int32Array;
  /** They add up to 1, [candidates]. */
  readonly probabilities: Float64Array;
}

/** @throws CoxswainError "usage" that names the setting out of range */
export function checkSampling({ temperature, topP, topK }: SamplingOptions): void {
  const refuse = (name: string, value: number, expected: string): CoxswainError =>
    new CoxswainError("usage", `${name} is ${value}; it must be ${expected}`);
  if (!Number.isFinite(temperature) || temperature < 0) {
    throw refuse("temperature", temperature, "0 (the most likely token) or a positive number");
  }
  if (!(topP > 0 && topP <= 1)) throw refuse("top-p", topP, "above 0 and at most 1");
  if (!Number.isSafeInteger(topK) || topK < 0) throw refuse("top-k", topK, "0 (all tokens) or a positive whole number");
}

/**
 * The next token.
 * @param logits [vocabulary]
 * @param uniform a number in [0, 1); not called if temperature is 0
 * @throws CoxswainError "model" if a logit is NaN
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, uniform: () => number): number {
  const likeliest = greedyToken(logits);
  if (options.temperature === 0) return likeliest;
  const { ids, probabilities } = candidates(logits, options);
  const point = uniform();
  let sum = 0;
  for (let index = 0; index < probabilities.length; index++) {
    sum += probabilities[index] ?? 0;
    if (point < sum) return ids[index] ?? likeliest;
  }
  // The probabilities add up to 1 except for rounding.
  return ids.at(-1) ?? likeliest;
}

/**
 * The most likely token, the lowest id among equals.
 * @param logits [vocabulary]
 * @throws CoxswainError "model" if a logit is NaN
 */
export function greedyToken(logits: Float32Array): number {
  let best = 0;
  let most = -Infinity;
  // By index: iterating over the entries of a large vocabulary takes eight times as long.
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (logit > most) {
      most = logit;
      best = id;
    } else if (Number.isNaN(logit)) throw notANumber(id);
  }
  return best;
}

/**
 * The tokens that may be drawn and their probabilities, by temperature, then top-k, then top-p.
 * @param logits [vocabulary], none NaN
 * @param options `temperature` above 0
 */
export function candidates(logits: Float32Array, { temperature, topP, topK }: SamplingOptions): Candidates {
  const divisor = Math.fround(temperature);
  const scores = logits.map((logit) => logit / divisor);
  const rising = topK > 0 || topP < 1 ? scores.slice().sort() : scores;
  const afterTopK = topK > 0 && topK < scores.length ? topKCut(rising, topK) : 0;
  const afterTopP = topP < 1 ? topPCut(rising, afterTopK, topP) : afterTopK;
  const ids = afterTopP === 0 ? new Int32Array(scores.length).map((_, id) => id) : idsFrom(scores, rising, afterTopP);
  return { ids, probabilities: softmax(ids, scores) };
}

/** Start of the kept scores: all that are not below the k-th largest. */
function topKCut(rising: Float32Array, k: number): number {
  let cut = rising.length - k;
  while (cut > 0 && rising[cut - 1] === rising[cut]) cut--;
  return cut;
}

/** Start of the kept scores: the smallest ones whose probabilities sum to at most 1 - topP are dropped. */
function topPCut(rising: Float32Array, start: number, topP: number): number {
  const largest = rising.at(-1) ?? 0;
  const powers = rising.subarray(start).map((score) => Math.exp(Math.fround(score - largest)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  const threshold = Math.fround(1 - topP);
  let sum = 0;
  for (const [index, power] of powers.entries()) {
    sum += Math.fround(power / total);
    if (Math.fround(sum) > threshold) return start + index;
  }
  return rising.length - 1;
}

/** Ids of the scores from `cut` of `rising` on. Of equal scores at the cut the highest ids stay (a stable sort). */
function idsFrom(scores: Float32Array, rising: Float32Array, cut: number): Int32Array {
  const lowest = rising[cut] ?? 0;
  let leftOut = 0;
  while (cut - leftOut > 0 && rising[cut - leftOut - 1] === lowest) leftOut++;
  const ids = new Int32Array(rising.length - cut);
  let count = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] ?? -Infinity;
    if (score < lowest || (score === lowest && leftOut-- > 0)) continue;
    ids[count++] = id;
  }
  return ids;
}

function softmax(ids: Int32Array, scores: Float32Array): Float64Array {
  const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  const powers = new Float64Array(ids.length).map((_, index) => Math.exp((scores[ids[index] ?? 0] ?? 0) - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function notANumber(id: number): CoxswainError {
  return new CoxswainError("model", `the model's logits are not numbers (NaN for token ${id})`, {
    hint: "The adapter or the weights may be damaged, or too large for the compute type: try another adapter, or float32.",
  });
}
