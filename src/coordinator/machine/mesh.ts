/**
 * The slices of one step's gradient and their reducers. A slice is reduced once its reducer has summed it, and gathered
 * once the coordinator has the sum. A reducer that is lost before that is replaced, and the new one starts over from
 * the workers' contributions.
 */
import { squareSumBlock } from "../../collective/index.js";
import type { ReducedSlice, Slice, WorkerId } from "./types.js";

interface SliceState {
  readonly slice: Slice;
  /** undefined: only the coordinator has the slice. */
  reducer: WorkerId | undefined;
  reduced: boolean;
  /** Of the sum, once it is reduced. */
  checksum: number | undefined;
  gathered: boolean;
  /** When the slice was assigned to its reducer; the machine's clock, ms. */
  since: number;
}

/** Splits a flat vector into `parts` slices of whole blocks, as evenly as possible; fewer if there are fewer blocks. */
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

  /** @param reducers the reducer of each slice, by slice index */
  constructor(slices: readonly Slice[], reducers: readonly WorkerId[], now: number) {
    this.#slices = slices.map((slice) => ({
      slice,
      reducer: reducers[slice.index],
      reduced: false,
      checksum: undefined,
      gathered: false,
      since: now,
    }));
  }

  /** Slices that are not gathered yet, with their reducers. */
  get open(): readonly { readonly slice: Slice; readonly reducer: WorkerId }[] {
    return this.#slices.flatMap(({ slice, reducer, gathered }) =>
      gathered || reducer === undefined ? [] : [{ slice, reducer }],
    );
  }

  get complete(): boolean {
    return this.#slices.every(({ gathered }) => gathered);
  }

  /** All slices, each with the worker that has its sum. */
  get reduced(): ReducedSlice[] {
    return this.#slices.map(({ slice, reducer, checksum }) => ({ ...slice, reducer, checksum }));
  }

  /** Reducers of the open slices that were assigned before `time`, one entry per slice. */
  openSince(time: number): WorkerId[] {
    return this.#slices.flatMap(({ reducer, gathered, since }) =>
      !gathered && reducer !== undefined && since < time ? [reducer] : [],
    );
  }

  /** @returns the slice, or undefined if it is not assigned to this worker or was already reported */
  reduce(worker: WorkerId, index: number, checksum: number): Slice | undefined {
    const state = this.#slices[index];
    if (state?.reducer !== worker || state.reduced) return undefined;
    state.reduced = true;
    state.checksum = checksum;
    return state.slice;
  }

  /** @returns false if the slice is not assigned to this worker or was already gathered */
  gather(worker: WorkerId, index: number): boolean {
    const state = this.#slices[index];
    if (state?.reducer !== worker || state.gathered) return false;
    state.gathered = true;
    return true;
  }

  /**
   * Reassigns the open slices of a reducer, each to the candidate with the fewest open slices. Gathered slices remain
   * at the coordinator alone.
   * @param candidates workers that can reduce, excluding `worker`; if empty, no slice is reassigned
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
