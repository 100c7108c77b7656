/** Who takes part, in the order in which they came, and how far each has come. Knows of no step, and tells nobody anything. */
import type { WorkerId } from "./types.js";
import { newWorker } from "./workers.js";
import type { WorkerPhase, WorkerRecord } from "./workers.js";

export class Roster {
  readonly #workers = new Map<WorkerId, WorkerRecord>();
  /** Those whose phase is "active", while that is known: it is asked for at every event. */
  #active: readonly WorkerRecord[] | undefined;
  /** Those who want to go, in the order in which they said so. */
  readonly #leavers = new Set<WorkerId>();

  get all(): readonly WorkerRecord[] {
    return [...this.#workers.values()];
  }

  /** Those whose replica equals ours: they are leased work. */
  get active(): readonly WorkerRecord[] {
    return (this.#active ??= this.in("active"));
  }

  get leavers(): readonly WorkerId[] {
    return [...this.#leavers];
  }

  /** Those who can sum a slice. */
  get reducers(): WorkerId[] {
    const able = this.active.filter(({ reachable, late, lateReducer }) => reachable && !late && !lateReducer);
    return able.map(({ id }) => id);
  }

  /** Those in any of these phases. */
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
