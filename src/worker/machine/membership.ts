/**
 * A worker's decisions while it takes part in a run: what to do next, which work is still needed, when to request the
 * replica again, when to give up. A deterministic state machine: `handle(event, now)` changes the state and returns the
 * effects, in order. It has no sockets, timers, engine or clock, and never sees a gradient.
 *
 * Messages are processed strictly in the order of the stream, one at a time, which determines the replica. Some messages
 * take effect earlier: shards of a final step, or revoked ones, are not begun. Slices are summed concurrently.
 */
import type { TreeNode } from "../../collective/index.js";
import { messageOf } from "../../errors.js";
import { packError } from "../../packed-error.js";
import { packInts } from "../../rpc/index.js";
import type { CommitOutput, FinishOutput, WorkerMessage } from "../../rpc/index.js";
import type { CallFailed } from "../call-failed.js";
import type { StreamEnd } from "../transport.js";
import { unexpected } from "../unexpected.js";
import { LeasedWork } from "./leased-work.js";
import type { Done, Effect, EffectOf, Event, EventOf, Held, Loaded, MembershipEnd } from "./types.js";

/** How long a worker that was told to leave waits for its results to be fetched, ms. */
const drainTimeout = 20_000;

/** Number of consecutive failed calls after which the worker reconnects. */
const failuresAllowed = 3;

/** A message that waits for its turn. */
type Waiting =
  | EventOf<"welcome" | "synchronise" | "revoke" | "commit" | "sendReplica">
  | { readonly type: "lease"; readonly leased: LeasedWork };

/** An effect in progress, whose event will follow. */
type Work = EffectOf<"load" | "pullReplica" | "compute" | "gather" | "apply" | "pushReplica">;

export class MembershipMachine {
  readonly #waiting: Waiting[] = [];
  #work: Work | undefined;
  /** Received leases that are not done, in order. */
  readonly #leases: LeasedWork[] = [];
  /** The first of them, once its turn has come. */
  #leased: LeasedWork | undefined;
  #runDigest: string | undefined;
  #loaded: Loaded | undefined;
  /** The step of the replica that is held here. */
  #step: number | undefined;
  /** The newest step that is known to be final. */
  #final = 0;
  /** Calls that failed in a row. */
  #failures = 0;
  #drainReason = "";
  #finish: FinishOutput | undefined;
  #streamEnd: StreamEnd | undefined;
  #over = false;

  handle(event: Event, now: number): Effect[] {
    const effects = this.#over ? [] : this.#on(event, now);
    while (!this.#over && this.#work === undefined) {
      const more = this.#next(now);
      if (more === undefined) break;
      effects.push(...more);
    }
    return effects;
  }

  /** Whether a replica of this run is held here, which others may pull. */
  get holdsReplica(): boolean {
    return this.#step !== undefined;
  }

  #on(event: Event, now: number): Effect[] {
    switch (event.type) {
      case "lease":
        return this.#onLease(event);
      case "revoke":
        for (const leased of this.#leases) leased.revoke(event.revoke);
        return this.#wait(event);
      case "commit":
        this.#final = Math.max(this.#final, event.commit.step);
        return this.#wait(event);
      case "welcome":
      case "synchronise":
      case "sendReplica":
        return this.#wait(event);
      case "reduce":
      case "collect":
        return this.#loaded === undefined ? [] : [event];
      case "finish":
        this.#finish = event.finish;
        return [];
      case "streamEnded":
        this.#streamEnd = event.end;
        return [];
      case "drain":
        this.#drainReason = event.reason;
        return [send({ draining: { reason: event.reason } }), { type: "startDrainTimer", delay: drainTimeout }];
      case "drainTimeOver":
        return [send({ leaving: { reason: this.#drainReason } }), { type: "hangUp" }];
      case "failed":
        return this.#fail(event.error);
      case "loaded":
      case "synchronised":
      case "computed":
      case "gathered":
      case "applied":
      case "replicaPushed":
      case "callFailed":
        return this.#onDone(event, now);
    }
  }

  #wait(message: Waiting): Effect[] {
    this.#waiting.push(message);
    return [];
  }

  #onLease(event: EventOf<"lease">): Effect[] {
    const leased = new LeasedWork(event);
    this.#leases.push(leased);
    return this.#wait({ type: "lease", leased });
  }

  /** The next effect if none is in progress; undefined: wait for the next event. */
  #next(now: number): Effect[] | undefined {
    if (this.#finish !== undefined) return this.#end(endOf(this.#finish));
    if (this.#leased !== undefined) return this.#computeNext(this.#leased);
    const message = this.#waiting.shift();
    if (message !== undefined) return this.#begin(message, now);
    return this.#streamEnd === undefined ? undefined : this.#end(this.#streamEnd);
  }

  #begin(message: Waiting, now: number): Effect[] {
    // What came before is done: nothing of what was revoked is being computed.
    if (message.type === "revoke") return [send({ idle: {} })];
    if ((message.type === "welcome") !== (this.#runDigest === undefined))
      return this.#fail(
        unexpected(`the coordinator sent ${message.type === "welcome" ? "two welcomes" : "work before its welcome"}`),
      );
    switch (message.type) {
      case "welcome":
        this.#runDigest = message.welcome.runDigest;
        return this.#start({ type: "load", welcome: message.welcome });
      case "synchronise":
        return this.#start({ type: "pullReplica" });
      case "lease":
        return this.#beginLease(message.leased, now);
      case "commit":
        return this.#beginCommit(message.commit);
      case "sendReplica":
        // A restarted coordinator that cannot reach this worker continues from its pushed replica.
        return this.#step === undefined ? [] : this.#start({ type: "pushReplica" });
    }
  }

  #beginLease(leased: LeasedWork, now: number): Effect[] {
    if (leased.parameters !== this.#step) return this.#closeLease();
    leased.begin(now);
    this.#leased = leased;
    return [];
  }

  #computeNext(leased: LeasedWork): Effect[] {
    const final = this.#streamEnd === undefined ? this.#final : Infinity;
    const shard = leased.next(final);
    if (shard !== undefined) return this.#start({ type: "compute", task: leased.task, lease: leased.lease, shard });
    return [...serve(leased, leased.rest(final)), ...this.#closeLease()];
  }

  #closeLease(): Effect[] {
    this.#leases.shift();
    this.#leased = undefined;
    return [{ type: "closeLease" }];
  }

  #beginCommit(commit: CommitOutput): Effect[] {
    const { step } = commit;
    if (this.#step !== undefined && step <= this.#step) return [];
    if (step - 1 === this.#step) return this.#start({ type: "gather", commit });
    const held = this.#step === undefined ? "without a replica" : `at step ${this.#step}`;
    return [send({ resynchronise: { reason: `${held}, but step ${step} was committed` } })];
  }

  #start(work: Work): Effect[] {
    this.#work = work;
    return [work];
  }

  /** The effect in progress is done, or a call that it needed failed. */
  #onDone(event: Done, now: number): Effect[] {
    const work = this.#work;
    this.#work = undefined;
    switch (event.type) {
      case "loaded":
        return this.#onLoaded(event);
      case "computed":
        return this.#onComputed(event, now);
      case "gathered":
        this.#failures = 0;
        return work?.type === "gather" ? this.#start({ type: "apply", commit: work.commit }) : [];
      case "synchronised":
        this.#failures = 0;
        return this.#report(event.held);
      case "applied":
        return this.#report(event.held);
      case "replicaPushed":
        return [];
      case "callFailed":
        return this.#onCallFailed(work, event.failure);
    }
  }

  #onLoaded(loaded: Loaded): Effect[] {
    const { ready, held } = loaded;
    this.#loaded = loaded;
    // Never the state of another run.
    if (held === undefined || held.runDigest !== this.#runDigest) return [send({ ready: { ...ready, replica: null } })];
    const { step, stateHash } = held;
    this.#step = step;
    return [send({ ready: { ...ready, replica: { step, stateHash } } })];
  }

  #onComputed({ lossSum, supervisedTokens, seconds, generated = [] }: EventOf<"computed">, now: number): Effect[] {
    const leased = this.#leased;
    const computed = leased?.computed(this.#loaded?.contributionBytes ?? 0, now);
    if (leased === undefined || computed === undefined) return [];
    const { task, step } = leased.lease;
    const { shard, nodes } = computed;
    const message = { task, step, shard, lossSum, supervisedTokens, seconds, generated: generated.map(packInts) };
    return [send({ computed: message }), ...serve(leased, nodes)];
  }

  /** The replica has advanced: the coordinator checks its hash. */
  #report(held: Held): Effect[] {
    this.#step = held.step;
    return [send({ applied: held })];
  }

  /** If a replica or a gradient does not arrive while the stream is open, a new replica is requested. */
  #onCallFailed(work: Work | undefined, failure: CallFailed): Effect[] {
    if (this.#finish !== undefined) return [];
    const what = work?.type === "gather" ? `the gradient of step ${work.commit.step}` : "the replica";
    const reason = failure.message;
    if (work?.type !== "gather" && work?.type !== "pullReplica") return this.#end({ kind: "lost", reason });
    if (failure.connectionLost || ++this.#failures >= failuresAllowed) return this.#end({ kind: "lost", reason });
    return [
      { type: "notArrived", what, reason },
      send({ resynchronise: { reason: `${what} did not arrive: ${reason}` } }),
    ];
  }

  /** An error after the coordinator is gone is worth another attempt. */
  #fail(error: unknown): Effect[] {
    if (this.#streamEnd !== undefined) return this.#end({ kind: "lost", reason: messageOf(error) });
    const { code, message, hint } = packError(error);
    return [send({ failed: { code, message, hint: hint ?? "" } }), ...this.#end({ kind: "failed", error })];
  }

  #end(end: MembershipEnd): Effect[] {
    this.#over = true;
    return [{ type: "end", end }];
  }
}

/** Serves sums; they are pushed if the coordinator cannot reach this worker. */
function serve({ lease: { step, push, slices } }: LeasedWork, nodes: readonly TreeNode[]): Effect[] {
  return nodes.flatMap((node): Effect[] => [
    { type: "serve", step, node, slices },
    ...(push ? [{ type: "pushContribution", step, node } as const] : []),
  ]);
}

const send = (message: WorkerMessage): Effect => ({ type: "send", message });

/** A coordinator that will be restarted counts as lost. */
const endOf = ({ completed, returning, reason }: FinishOutput): MembershipEnd =>
  returning
    ? { kind: "lost", reason: `the coordinator is ${reason}, and will be restarted` }
    : { kind: "finished", completed, reason };
