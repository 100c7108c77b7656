/** The connected workers, in the order in which they joined, and the phase of each. Independent of steps. */
import type { WorkerId } from "./types.js";
import { newWorker } from "./workers.js";
import type { WorkerPhase, WorkerRecord } from "./workers.js";

export class Roster {
  readonly #workers = new Map<WorkerId, WorkerRecord>();
  /** Cached result of `active`, which is read on every event; undefined when stale. */
  #active: readonly WorkerRecord[] | undefined;
  /** Workers that want to leave, in the order of their requests. */
  readonly #leavers = new Set<WorkerId>();

  get all(): readonly WorkerRecord[] {
    return [...this.#workers.values()];
  }

  /** Workers whose replica equals the coordinator's: they are leased work. */
  get active(): readonly WorkerRecord[] {
    return (this.#active ??= this.in("active"));
  }

  get leavers(): readonly WorkerId[] {
    return [...this.#leavers];
  }

  /** Workers that can sum a slice. */
  get reducers(): WorkerId[] {
    const able = this.active.filter(({ reachable, late, lateReducer }) => reachable && !late && !lateReducer);
    return able.map(({ id }) => id);
  }

  /** Workers in any of these phases. */
  in(...phases: readonly WorkerPhase[]): WorkerRecord[] {
    return this.all.filter(({ phase }) => phases.includes(phase));
  }

  get(id: WorkerId): WorkerRecord | undefined {
    return this.#workers.get(id);
  }

  add(id: WorkerId, now: number): void {
    this.#workers.set(id, newWorker(id, now));
  }

  enter(worker: WorkerRecord, phase: WorkerPhase): void {
    worker.phase = phase;
    this.#active = undefined;
    if (phase === "draining") this.#leavers.add(worker.id);
  }

  remove(id: WorkerId): void {
    this.#workers.delete(id);
    this.#leavers.delete(id);
    this.#active = undefined;
  }
}
