/**
 * Sums of the step in flight that are computed by a second worker and compared bit for bit before they are accepted. If
 * two differ, further workers compute the sum until two agree; those that do not agree with them are wrong. Knows shards
 * and who delivered which sum; the shell compares vectors.
 */
import { contains, isNode, sameNode } from "../../collective/index.js";
import type { TreeNode } from "../../collective/index.js";
import type { ShardIndex } from "../../ids.js";
import type { Roster } from "./roster.js";
import type { Round } from "./round.js";
import type { Effect, EventOf, ShardResult, WorkerId } from "./types.js";
import type { Verifies } from "./verify-rule.js";
import { lateTimes, progressed } from "./workers.js";
import type { WorkerRecord } from "./workers.js";

const keyOf = ({ first, count }: TreeNode): string => `${first}:${count}`;

/** A worker that computes a trial's sum again. */
interface Checker {
  readonly id: WorkerId;
  /** Its parts of the sum that were announced. */
  readonly parts: Map<string, TreeNode>;
}

interface Trial {
  /** The sum, and the worker that announced it. */
  readonly node: TreeNode;
  readonly of: WorkerId;
  /** Workers that delivered it, those with the same bits together. */
  groups: WorkerId[][];
  checker: Checker | undefined;
  /** Losses and tokens, by checker and shard. */
  readonly results: Map<WorkerId, Map<ShardIndex, ShardResult>>;
  /** Checkers that were too slow, or whose sum did not arrive. */
  readonly passedOver: Set<WorkerId>;
  /** It was reported that nothing tells who is right. */
  reported: boolean;
}

/** What came of a trial. */
export interface Verdict {
  readonly node: TreeNode;
  /** The worker that announced the sum. */
  readonly of: WorkerId;
  /** Workers with equal bits; a single one was not verified, since nobody else could compute the sum. */
  readonly agreed: readonly WorkerId[];
  readonly wrong: readonly WorkerId[];
}

export class Verification {
  readonly #round: Round;
  readonly #roster: Roster;
  readonly #verifies: Verifies;
  #trials: Trial[] = [];

  constructor(round: Round, roster: Roster, verifies: Verifies) {
    this.#round = round;
    this.#roster = roster;
    this.#verifies = verifies;
  }

  /** An announced sum has arrived. @returns undefined if it is not verified */
  begin(of: WorkerId, node: TreeNode): Effect[] | undefined {
    const { step } = this.#round;
    if (!this.#verifies(step, node.first) || !this.#round.announcedBy(of, node)) return undefined;
    const trial: Trial = {
      node,
      of,
      groups: [[of]],
      checker: undefined,
      results: new Map(),
      passedOver: new Set(),
      reported: false,
    };
    if (this.#checkerFor(trial) === undefined) return undefined;
    this.#trials.push(trial);
    return [{ type: "keep", worker: of, step, node }];
  }

  /** Whether a worker may deliver a part of a sum that it computes again. */
  standing(worker: WorkerId, node: TreeNode): "announced" | "leased" | undefined {
    const trial = this.#checkedBy(worker, node);
    if (trial === undefined) return undefined;
    return trial.checker?.parts.has(keyOf(node)) === true ? "announced" : "leased";
  }

  /** @returns whether the shard belongs to a sum that the worker computes again */
  computed(worker: WorkerId, result: ShardResult): boolean {
    const trial = this.#checkedBy(worker, { first: result.shard, count: 1 });
    const results = trial?.results.get(worker);
    if (results === undefined || results.has(result.shard)) return false;
    results.set(result.shard, result);
    return true;
  }

  /** @returns undefined unless the sum is a part of one that the worker computes again */
  announced(worker: WorkerId, node: TreeNode, checksums: readonly number[]): Effect[] | undefined {
    const { step, size, slices } = this.#round;
    const trial = isNode(node, size) ? this.#checkedBy(worker, node) : undefined;
    const results = trial?.results.get(worker);
    if (trial?.checker === undefined || results === undefined || trial.checker.parts.has(keyOf(node))) return undefined;
    if (checksums.length !== Math.max(1, slices.length)) return undefined;
    for (let shard = node.first as number; shard < node.first + node.count; shard++)
      if (!results.has(shard as ShardIndex)) return undefined;
    trial.checker.parts.set(keyOf(node), node);
    return [{ type: "receive", worker, step, node, expected: { slices, checksums } }];
  }

  /** A part has arrived. @returns undefined unless it is a part of a sum that the worker computes again */
  received({ worker, step, node }: EventOf<"received">): Effect[] | undefined {
    const trial = this.#checkedBy(worker, node);
    if (trial?.checker?.parts.has(keyOf(node)) !== true) return undefined;
    return [{ type: "try", worker, step, node, whole: trial.node }];
  }

  /** A part did not arrive. @returns whether it was a part of a sum that the worker computes again */
  receiveFailed(worker: WorkerId, node: TreeNode): boolean {
    const trial = this.#checkedBy(worker, node);
    if (trial?.checker?.parts.has(keyOf(node)) !== true) return false;
    passOver(trial);
    return true;
  }

  /** A worker's sum is complete, and has the bits of others'. */
  tried({ worker, node, same }: EventOf<"tried">): void {
    const trial = this.#trials.find((open) => sameNode(open.node, node) && open.checker?.id === worker);
    if (trial === undefined) return;
    trial.checker = undefined;
    const group = trial.groups.find(([first]) => first !== undefined && same.includes(first));
    if (group?.[0] !== undefined && this.#resultsAgree(trial, group[0], worker)) group.push(worker);
    else trial.groups.push([worker]);
  }

  /** Whether a trial would lose a sum, or its checker, if the worker left. */
  needs(worker: WorkerId): boolean {
    return this.#trials.some(({ checker }) => checker?.id === worker);
  }

  /** The worker is gone: what it delivered does not count. */
  release(worker: WorkerId): void {
    this.#trials = this.#trials.filter(({ of }) => of !== worker);
    for (const trial of this.#trials) {
      if (trial.checker?.id === worker) trial.checker = undefined;
      trial.groups = trial.groups
        .map((group) => group.filter((member) => member !== worker))
        .filter((group) => group.length > 0);
    }
  }

  /** Passes over checkers that make no progress. */
  expire(now: number): void {
    const { active } = this.#roster;
    const times = lateTimes(active);
    for (const trial of this.#trials) {
      const index = active.findIndex(({ id }) => id === trial.checker?.id);
      if (index >= 0 && now > (times[index] ?? Infinity)) passOver(trial);
    }
  }

  /** Decides trials that can be decided, and lets another worker compute the others. */
  settle(now: number): { readonly verdicts: readonly Verdict[]; readonly effects: readonly Effect[] } {
    const verdicts: Verdict[] = [];
    const effects: Effect[] = [];
    for (const trial of [...this.#trials]) {
      if (trial.checker !== undefined) continue;
      const agreed = trial.groups.find(({ length }) => length > 1);
      const checker = agreed === undefined ? this.#checkerFor(trial) : undefined;
      if (checker !== undefined) effects.push(this.#lease(trial, checker, now));
      else if (agreed !== undefined || trial.groups.length === 1) verdicts.push(this.#end(trial, agreed ?? [trial.of]));
      else if (!trial.reported) effects.push(this.#report(trial));
    }
    return { verdicts, effects };
  }

  #end(trial: Trial, agreed: readonly WorkerId[]): Verdict {
    this.#trials = this.#trials.filter((other) => other !== trial);
    const { node, of, groups } = trial;
    return { node, of, agreed, wrong: groups.flat().filter((worker) => !agreed.includes(worker)) };
  }

  #report(trial: Trial): Effect {
    trial.reported = true;
    return { type: "undecided", step: this.#round.step, node: trial.node, workers: trial.groups.flat() };
  }

  /** The least busy worker of the same kind that has not computed the sum. */
  #checkerFor({ of, groups, passedOver }: Trial): WorkerRecord | undefined {
    const kind = this.#roster.get(of)?.kind;
    const load = ({ id }: WorkerRecord): number =>
      this.#round.queue(id).length + this.#trials.filter(({ checker }) => checker?.id === id).length;
    const able = this.#roster.active.filter(
      (worker) =>
        !worker.late && worker.kind === kind && !passedOver.has(worker.id) && !groups.flat().includes(worker.id),
    );
    return able.toSorted((a, b) => load(a) - load(b))[0];
  }

  #lease(trial: Trial, worker: WorkerRecord, now: number): Effect {
    const { step, size: roundShards, slices } = this.#round;
    const { id } = worker;
    if (this.#round.queue(id).length === 0) progressed(worker, now);
    trial.checker = { id, parts: new Map() };
    trial.results.set(id, new Map());
    const { first, count } = trial.node;
    return { type: "lease", worker: id, task: "train", step, first, count, roundShards, kind: "verify", slices };
  }

  /** Losses and tokens, too, are the same to the bit. */
  #resultsAgree({ node, of, results }: Trial, one: WorkerId, other: WorkerId): boolean {
    const resultOf = (worker: WorkerId, shard: ShardIndex): ShardResult | undefined =>
      worker === of ? this.#round.resultOf(worker, shard) : results.get(worker)?.get(shard);
    for (let index = node.first as number; index < node.first + node.count; index++) {
      const [a, b] = [resultOf(one, index as ShardIndex), resultOf(other, index as ShardIndex)];
      if (!Object.is(a?.lossSum, b?.lossSum) || a?.supervisedTokens !== b?.supervisedTokens) return false;
    }
    return true;
  }

  /** The trial that a worker computes again, if this node is part of it. */
  #checkedBy(worker: WorkerId, node: TreeNode): Trial | undefined {
    return this.#trials.find((trial) => trial.checker?.id === worker && contains(trial.node, node));
  }
}

function passOver(trial: Trial): void {
  if (trial.checker !== undefined) trial.passedOver.add(trial.checker.id);
  trial.checker = undefined;
}
