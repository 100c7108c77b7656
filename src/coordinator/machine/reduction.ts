/**
 * How the announced sums of a step are reduced: at the coordinator (star), or slice by slice at workers (mesh), from
 * which the coordinator gathers all slices. If the mesh fails, the star finishes the step, because workers keep their
 * contributions until the commit. Pure; the shell moves the data.
 */
import { Mesh } from "./mesh.js";
import type { Announcement, Round } from "./round.js";
import type { Effect, EventOf, ReducedSlice, Slice, WorkerId } from "./types.js";

/** Failed pulls of the mesh in one step after which the coordinator reduces the step itself. */
const failuresAllowed = 3;

export class Reduction {
  readonly #round: Round;
  #mesh: Mesh | undefined;
  #failures = 0;
  /** When every shard was announced (the machine's clock, ms); from then on, only the reducers can be late. */
  #announcedAt: number | undefined;

  /** @param reducers workers that sum one slice each; with fewer than two, the coordinator reduces (star) */
  constructor(round: Round, slices: readonly Slice[], reducers: readonly WorkerId[], now: number) {
    this.#round = round;
    this.#mesh = reducers.length < 2 ? undefined : new Mesh(slices, reducers, now);
  }

  /** Workers reduce the step: sums of a worker that the others cannot reach are unusable. */
  get meshed(): boolean {
    return this.#mesh !== undefined && !this.#round.closed;
  }

  /** Where the reduced gradient is, in addition to the coordinator. */
  get slices(): readonly ReducedSlice[] {
    return this.#mesh?.reduced ?? [];
  }

  /** Assigns every reducer its slice. */
  start(): Effect[] {
    return (this.#mesh?.open ?? []).map(({ slice, reducer }) => this.#assigned(reducer, slice));
  }

  announced(announcement: Announcement): Effect[] {
    const { step } = this.#round;
    if (this.#mesh === undefined) return [this.#receive(announcement)];
    const collects = this.#mesh.open.map(({ slice, reducer }) => collect(reducer, step, slice, announcement));
    return this.#round.announced ? [...collects, { type: "allAnnounced", step }] : collects;
  }

  /** Star: the coordinator received a sum. */
  received({ worker, step, node }: EventOf<"received">, now: number): Effect[] {
    if (this.#mesh !== undefined || !this.#round.hold(worker, node)) return [];
    const accept: Effect = { type: "accept", worker, step, node };
    return this.#round.complete ? [accept, this.#close(now)] : [accept];
  }

  /** Mesh: a slice is summed; the coordinator gathers it. */
  sliceReduced({ worker, step, slice: index, checksum }: EventOf<"sliceReduced">): Effect[] {
    const slice = this.#mesh?.reduce(worker, index, checksum);
    return slice === undefined ? [] : [{ type: "gather", worker, step, slice, checksum }];
  }

  gathered({ worker, slice }: EventOf<"gathered">, now: number): Effect[] {
    if (this.#mesh?.gather(worker, slice) !== true || !this.#mesh.complete) return [];
    return [this.#close(now)];
  }

  /** A reducer failed to pull a sum that its source still announces: the reducer retries. */
  collectFailed({ worker, step, slice: index, node, source }: EventOf<"collectFailed">): Effect[] {
    const open = this.#mesh?.open.find(({ slice, reducer }) => slice.index === index && reducer === worker);
    const announcement = this.#round.announcement(source, node);
    if (open === undefined || announcement === undefined) return [];
    if (++this.#failures >= failuresAllowed) return this.toStar(`${worker} could not pull from ${source}`);
    return [collect(worker, step, open.slice, announcement)];
  }

  /** A slice could not be pulled from its reducer: another worker sums it. */
  gatherFailed({ worker, slice }: EventOf<"gatherFailed">, candidates: readonly WorkerId[], now: number): Effect[] {
    if (this.#mesh?.open.some((open) => open.reducer === worker && open.slice.index === slice) !== true) return [];
    if (++this.#failures >= failuresAllowed) return this.toStar(`a slice could not be pulled from ${worker}`);
    return this.reassign(worker, candidates, now);
  }

  /** Reassigns the slices of a worker that is gone or late. */
  reassign(worker: WorkerId, candidates: readonly WorkerId[], now: number): Effect[] {
    const mesh = this.#mesh;
    if (mesh === undefined || this.#round.closed) return [];
    const others = candidates.filter((candidate) => candidate !== worker);
    const open = mesh.open.some(({ reducer }) => reducer === worker);
    if (open && others.length === 0) return this.toStar(`no worker can take over the slices of ${worker}`);
    const { step } = this.#round;
    return mesh
      .reassign(worker, others, now)
      .flatMap(({ slice, reducer }) => [
        this.#assigned(reducer, slice),
        ...this.#round.announcements.map((announcement) => collect(reducer, step, slice, announcement)),
      ]);
  }

  /** Reducers that have not finished although they could pull every sum for longer than `timeout` ms. */
  lateReducers(now: number, timeout: number): WorkerId[] {
    if (this.#mesh === undefined || this.#round.closed) return [];
    this.#announcedAt = this.#round.announced ? (this.#announcedAt ?? now) : undefined;
    if (this.#announcedAt === undefined || now - this.#announcedAt <= timeout) return [];
    return [...new Set(this.#mesh.openSince(now - timeout))];
  }

  /** The coordinator takes over the reduction: it pulls every announced sum from the workers. */
  toStar(reason: string): Effect[] {
    const { step, announcements } = this.#round;
    this.#mesh = undefined;
    return [{ type: "meshFailed", step, reason }, ...announcements.map((announcement) => this.#receive(announcement))];
  }

  #receive({ worker, node, checksums }: Announcement): Effect {
    const { step, slices } = this.#round;
    return { type: "receive", worker, step, node, expected: { slices, checksums } };
  }

  #assigned(worker: WorkerId, slice: Slice): Effect {
    return { type: "reduceSlice", worker, step: this.#round.step, slice, roundShards: this.#round.size };
  }

  #close(now: number): Effect {
    this.#round.closedAt = now;
    return { type: "reduce", step: this.#round.step, tokens: this.#round.totals().supervisedTokens };
  }
}

const collect = (
  worker: WorkerId,
  step: Round["step"],
  slice: Slice,
  { node, worker: source, checksums }: Announcement,
): Effect => ({
  type: "collect",
  worker,
  step,
  slice: slice.index,
  node,
  source,
  // An announcement has one per slice.
  checksum: checksums[slice.index] ?? 0,
});
