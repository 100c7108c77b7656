/**
 * How often an example of a source is used per epoch: a weight's whole part is passes over the source, its fraction a
 * share of one more pass. Pure.
 */
import { PhiloxStream, streams } from "../../math/index.js";

/** One pass over a source: which of its examples are used, by their numbers from 0. */
export type Pass = (example: number) => boolean;

const largestBlock = 1000;

/** Of how many examples in a row a fraction takes how many: 0.25 takes 1 of every 4. */
export function blockOf(fraction: number): { readonly size: number; readonly taken: number } {
  for (let size = 1; size <= largestBlock; size++) {
    const taken = Math.round(fraction * size);
    if (taken > 0 && Math.abs(fraction * size - taken) < 1e-9) return { size, taken };
  }
  const taken = Math.round(fraction * largestBlock);
  return taken === 0 ? { size: Math.round(1 / fraction), taken: 1 } : { size: largestBlock, taken };
}

/**
 * Takes a fraction of each block of examples, drawn from (seed, source, block): what else is in the file makes no
 * difference.
 */
function fractionOf(fraction: number, seed: number, source: number): Pass {
  const { size, taken } = blockOf(fraction);
  let current = -1;
  let chosen = new Set<number>();
  return (example) => {
    const block = Math.floor(example / size);
    if (block !== current) {
      const random = new PhiloxStream(seed, streams.mixing, source, block);
      const order = Array.from({ length: size }, (_, index) => index);
      for (let place = 0; place < taken; place++) {
        const other = place + random.below(size - place);
        [order[place], order[other]] = [order[other] ?? 0, order[place] ?? 0];
      }
      chosen = new Set(order.slice(0, taken));
      current = block;
    }
    return chosen.has(example % size);
  };
}

/** @param source its place among the sources, from 0 */
export function passesOf(weight: number, seed: number, source: number): readonly Pass[] {
  const whole = Math.floor(weight);
  const fraction = weight - whole;
  const passes: Pass[] = Array.from({ length: whole }, () => () => true);
  return fraction < 1e-9 ? passes : [...passes, fractionOf(fraction, seed, source)];
}
