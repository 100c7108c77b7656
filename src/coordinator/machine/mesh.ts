/**
 * The slices of one step's gradient and who sums each. A slice is at its reducer until it is reduced, and gathered once
 * the coordinator has it; a reducer that is gone before that is replaced, and the new one begins again from the workers'
 * contributions.
 */
import { squareSumBlock } from "../../collective/index.js";
import type { ReducedSlice, Slice, WorkerId } from "./types.js";

interface SliceState {
  readonly slice: Slice;
  /** undefined: nobody but the coordinator has it any more. */
  reducer: WorkerId | undefined;
  reduced: boolean;
  gathered: boolean;
  /** When its reducer got it, the machine's clock, ms. */
  since: number;
}

/** Cuts a flat vector into `parts` slices of whole blocks, as even as those allow; fewer where there are fewer blocks. */
export function slicesOf(size: number, parts: number, block = squareSumBlock): Slice[] {
  const blocks = Math.ceil(size / block);
  const count = Math.min(parts, blocks);
  const boundary = (index: number): number => Math.min(size, Math.round((blocks * index) / count) * block);
  return Array.from({ length: count }, (_, index) => ({
    index,
    offset: boundary(index),
    length: boundary(index + 1) - boundary(index),
  }));
}

export class Mesh {
  readonly #slices: SliceState[];

  /** @param reducers of each slice in turn */
  constructor(slices: readonly Slice[], reducers: readonly WorkerId[], now: number) {
    this.#slices = slices.map((slice) => ({
      slice,
      reducer: reducers[slice.index],
      reduced: false,
      gathered: false,
      since: now,
    }));
  }

  /** Slices that are still to be summed or fetched, with who does it. */
  get open(): readonly { readonly slice: Slice; readonly reducer: WorkerId }[] {
    return this.#slices.flatMap(({ slice, reducer, gathered }) =>
      gathered || reducer === undefined ? [] : [{ slice, reducer }],
    );
  }

  get complete(): boolean {
    return this.#slices.every(({ gathered }) => gathered);
  }

  /** Every slice, and who has its sum. */
  get reduced(): ReducedSlice[] {
    return this.#slices.map(({ slice, reducer }) => ({ ...slice, reducer }));
  }

  /** Open slices whose reducer has been at them since before `time`. */
  openSince(time: number): WorkerId[] {
    return this.#slices.flatMap(({ reducer, gathered, since }) =>
      !gathered && reducer !== undefined && since < time ? [reducer] : [],
    );
  }

  /** @returns the slice, or undefined when it is not this worker's to sum, or was reported before */
  reduce(worker: WorkerId, index: number): Slice | undefined {
    const state = this.#slices[index];
    if (state?.reducer !== worker || state.reduced) return undefined;
    state.reduced = true;
    return state.slice;
  }

  /** @returns whether that was news */
  gather(worker: WorkerId, index: number): boolean {
    const state = this.#slices[index];
    if (state?.reducer !== worker || state.gathered) return false;
    state.gathered = true;
    return true;
  }

  /**
   * Gives the open slices of a reducer to others, those with the fewest first. Slices that were gathered stay with the
   * coordinator alone.
   * @param candidates those who can reduce, without `worker`; when there is none nothing is given
   */
  reassign(worker: WorkerId, candidates: readonly WorkerId[], now: number): { slice: Slice; reducer: WorkerId }[] {
    const given: { slice: Slice; reducer: WorkerId }[] = [];
    for (const state of this.#slices.filter(({ reducer }) => reducer === worker)) {
      state.reducer = state.gathered ? undefined : this.#leastBusy(candidates);
      state.reduced = false;
      state.since = now;
      if (state.reducer !== undefined) given.push({ slice: state.slice, reducer: state.reducer });
    }
    return given;
  }

  #leastBusy(candidates: readonly WorkerId[]): WorkerId | undefined {
    const load = (worker: WorkerId): number =>
      this.#slices.filter(({ reducer, gathered }) => reducer === worker && !gathered).length;
    return candidates.toSorted((a, b) => load(a) - load(b))[0];
  }
}
