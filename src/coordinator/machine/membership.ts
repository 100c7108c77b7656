/**
 * How workers join and leave. A worker that joined fetches the replica unless it has the newest state, and takes part
 * once its replica equals the coordinator's. It is dismissed on request, and dropped if it is silent or its sums cannot
 * be fetched. Handles work in flight only as far as a worker leaves some behind.
 */
import type { Commits } from "./commits.js";
import type { Roster } from "./roster.js";
import type { Effect, EventOf, HeldReplica, WorkerId } from "./types.js";
import type { Work } from "./work.js";
import { progressed } from "./workers.js";
import type { WorkerRecord } from "./workers.js";

/** Consecutive gradients of one worker that fail to arrive before the worker is dropped. */
const failuresAllowed = 3;

/** Gradients of one worker that are not what it announced before the worker is dropped: the network does not do that. */
const differencesAllowed = 3;

export class Membership {
  readonly #roster: Roster;
  readonly #commits: Commits;
  readonly #work: Work;

  constructor(roster: Roster, commits: Commits, work: Work) {
    this.#roster = roster;
    this.#commits = commits;
    this.#work = work;
  }

  /** @param recovering if true, the worker waits until the state that the run resumes from is decided */
  ready(worker: WorkerRecord, { reachable, replica, kind = "" }: EventOf<"ready">, recovering: boolean): Effect[] {
    worker.reachable = reachable;
    worker.kind = kind;
    worker.offer = replica;
    if (!recovering) return this.#welcome(worker);
    this.#roster.enter(worker, "offering");
    return [];
  }

  /** Called when the state that the run resumes from is decided: no worker waits any longer. */
  recovered(): Effect[] {
    return this.#roster.in("offering").flatMap((worker) => this.#welcome(worker));
  }

  /** Instructs a worker to fetch the replica; discards what it was computing with another state. */
  synchronise(worker: WorkerRecord, reason: string): Effect[] {
    if (worker.phase !== "draining") this.#roster.enter(worker, "synchronising");
    const { id } = worker;
    return [...this.#work.release(id, reason), { type: "synchronise", worker: id, step: this.#commits.newest }];
  }

  /** Replaces a replica that differs from the coordinator's; activates a worker whose replica is the newest. */
  applied(worker: WorkerRecord, held: HeldReplica, now: number): Effect[] {
    const { step } = held;
    if (worker.phase === "loading" || worker.phase === "offering") return [];
    const compared = this.#commits.compare(held);
    if (compared === "unknown") return [];
    if (compared === "different")
      return [{ type: "mismatch", worker: worker.id, step }, ...this.synchronise(worker, "its replica differs")];
    worker.applied = step;
    if (step < this.#commits.newest) return [];
    progressed(worker, now);
    if (worker.phase === "synchronising") this.#roster.enter(worker, "active");
    return this.#commits.replicate() ? [{ type: "replicated", step }] : [];
  }

  draining(worker: WorkerRecord, now: number): Effect[] {
    this.#roster.enter(worker, "draining");
    return this.#work.drain(worker.id, now);
  }

  left(id: WorkerId, reason: string, now: number): Effect[] {
    this.#roster.remove(id);
    return [...this.#work.release(id, reason), ...this.#work.reassign(id, now)];
  }

  receiveFailed(worker: WorkerRecord, event: EventOf<"receiveFailed">, now: number): Effect[] {
    const count = this.#work.receiveFailed(event);
    if (count === undefined) return [];
    if (event.differs === true) worker.differences++;
    else worker.failures++;
    const { id, failures, differences } = worker;
    const reason =
      event.differs === true
        ? `its gradients differed from what it announced (${differences} times)`
        : `its gradients did not arrive (${failures} times)`;
    const lost: Effect = { type: "lost", worker: id, count, late: false, reason };
    const isOver = failures >= failuresAllowed || differences >= differencesAllowed;
    return isOver ? [lost, ...this.#drop(id, reason, now)] : [lost];
  }

  /** @param timeout how long a worker may be silent, ms */
  dropSilent(timeout: number, now: number): Effect[] {
    const silent = this.#roster.all.filter(({ lastHeard }) => now - lastHeard > timeout);
    return silent.flatMap(({ id, lastHeard }) =>
      this.#drop(id, `it sent nothing for ${((now - lastHeard) / 1000).toFixed(0)} s`, now),
    );
  }

  /** Accepts sums on which workers agree, and puts out those that computed others. */
  settle(now: number): Effect[] {
    const { effects, wrong } = this.#work.settle(now);
    const reason = "it computed another sum than others, which agree";
    return [...effects, ...wrong.flatMap((putOut) => [putOut, ...this.left(putOut.worker, reason, now)])];
  }

  /** Dismisses draining workers that hold nothing that is still needed. */
  dismiss(): Effect[] {
    return this.#roster.leavers.flatMap((id): Effect[] => {
      if (this.#work.needs(id)) return [];
      this.#roster.remove(id);
      return [{ type: "dismiss", worker: id }];
    });
  }

  /** A worker that only lost its connection and has the newest state need not fetch the replica again. */
  #welcome(worker: WorkerRecord): Effect[] {
    const { offer } = worker;
    if (!this.#commits.isNewest(offer)) return this.synchronise(worker, "joined");
    worker.applied = offer?.step;
    this.#roster.enter(worker, "active");
    return [];
  }

  #drop(id: WorkerId, reason: string, now: number): Effect[] {
    return [{ type: "drop", worker: id, reason }, ...this.left(id, reason, now)];
  }
}
