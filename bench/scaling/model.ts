/**
 * What a step costs beyond its computing, in closed formulas: bytes, processor time and latency, for the star, the mesh
 * and a mesh of two levels, which is not implemented. Pure. Units: seconds, bytes, elements. docs/scaling.md tells the
 * same in words; simulate.ts is another account of the same protocol, with the same constants.
 */
import { cover } from "../../src/collective/index.js";
import { proportionalParts } from "../../src/coordinator/machine/plan.js";
import { shardIndex } from "../../src/ids.js";
import { costs, elementBytes, lineOverhead } from "./costs.js";
import type { Scenario } from "./scenarios.js";

/** Per step. */
export interface Costs {
  readonly stepSeconds: number;
  /** Beyond computing. */
  readonly reductionSeconds: number;
  readonly coordinator: {
    readonly cpuSeconds: number;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly messageBytesSent: number;
  };
  /** The busiest. */
  readonly worker: { readonly cpuSeconds: number; readonly bytesIn: number; readonly bytesOut: number };
  readonly calls: number;
}

export interface Modelled extends Costs {
  /** Of the reduction in the step. */
  readonly share: number;
  /** Bytes that the coordinator holds of gradients. */
  readonly memory: number;
}

/** Payload of a chunk on the wire, bytes. */
const chunkBytes = 256 * 1024;

/** Slices are whole numbers of blocks: `squareSumBlock` of src/collective/kernels.ts. */
const blockFloats = 4096;

/** What comes within this many seconds is told to reducers together: see src/coordinator/service/collects.ts. */
const collectDelay = 0.005;

/** Pulls that a reducer has under way at once: see src/worker/gradient/slice-reducer.ts. */
const pullsAtOnce = 4;

/** Contributions that come to the star's coordinator at once: see src/coordinator/gradient/step-sum.ts. */
const receivedAtOnce = 8;

/** Bytes of one part of Collect and of one slice of Commit, with a worker's id of 27 letters. */
const partBytes = 38;
const sliceBytes = 43;

/** What the simulation taught and no formula of this file explains. */
const fitted = {
  /** Workers' starts differ by this share of the time for which lines are busy with slices. */
  startsOfLine: 0.1,
  /** See `convoy`. */
  perDoubling: 0.45,
  most: 3,
};

/** Contributions of a step whose shards are leased evenly: the nodes of the tree that cover each worker's lease. */
export function contributionsOf(shards: number, workers: number): number {
  let [contributions, first] = [0, 0];
  for (const count of proportionalParts(shards, new Array<number>(workers).fill(1))) {
    contributions += cover(shardIndex(first), count, shards).length;
    first += count;
  }
  return contributions;
}

type Terms = ReturnType<typeof terms>;

/** What all three share. */
function terms(scenario: Scenario) {
  const { workers, shards, floats, dtype, link, computeSeconds, jitter, shardBytes } = scenario;
  const { control, machine, kernels, pulls } = costs;
  const rates = pulls[dtype];
  const bytes = floats * elementBytes[dtype];
  const contributions = contributionsOf(shards, workers);
  const event = control.receive + machine.event;
  const looking = machine.lookedAt * workers;
  return {
    workers,
    contributions,
    /** Nodes that a worker's lease takes, on average. */
    nodes: contributions / workers,
    floats,
    bytes,
    latency: link.roundTrip / 2,
    roundTrip: link.roundTrip,
    /** Seconds that a byte of payload takes on a line. */
    lineByte: lineOverhead / link.bandwidth,
    control,
    machine,
    kernels,
    rates,
    pulls,
    event,
    /** From the first worker's end of computing to the last one's: of independent uniform times, on average. */
    spread: (2 * jitter * computeSeconds * (workers - 1)) / (workers + 1),
    /** Coordinator: workers say that shards are computed, sums are ready, the step is applied. */
    heard: shards * (event + looking) + contributions * event + workers * (event + looking),
    /** Coordinator: a lease for each. */
    leases: workers * (control.send + machine.effect) + shards * shardBytes * control.sendByte,
    leaseBytes: shards * shardBytes,
    norm: floats * kernels.norm,
    apply: floats * kernels.apply,
    /** The last addition of a lease's own shards, and until the coordinator has heard that the sum is ready. */
    announce:
      (shards > workers ? floats * kernels.add : 0) + 2 * control.send + link.roundTrip / 2 + 2 * control.receive,
    /** Worker: what it says and hears, folds and applies, whoever sums. */
    workerBase:
      (shards / workers) * control.send +
      (shards / workers - 1) * floats * kernels.add +
      (contributions / workers) * control.send +
      control.send +
      2 * control.receive +
      (shards / workers) * shardBytes * control.receiveByte +
      floats * kernels.apply,
  };
}

/** @param applied seconds from the last gradient to the last worker's update */
function modelled(
  scenario: Scenario,
  t: Terms,
  applied: number,
  costs: Pick<Modelled, "coordinator" | "worker" | "calls" | "memory">,
): Modelled {
  const reductionSeconds = t.spread / 2 + applied;
  const stepSeconds = scenario.computeSeconds + reductionSeconds;
  return {
    stepSeconds,
    reductionSeconds,
    share: reductionSeconds / stepSeconds,
    ...costs,
  };
}

/**
 * The coordinator pulls every contribution whole, adds, and every worker pulls the sum whole.
 */
export function star(scenario: Scenario): Modelled {
  const t = terms(scenario);
  const { workers, contributions, nodes, bytes, control, machine, pulls, rates, latency, lineByte } = t;
  const receive = contributions * (pulls.clientCall + bytes * rates.whole + 2 * (machine.event + machine.effect));
  const serve = workers * (pulls.serverCall + bytes * rates.reduced);
  const turn = t.norm + workers * control.send + t.leases;
  // A pull alone: request, the first chunk through every station, the rest behind the slowest.
  const chunk = Math.min(bytes, chunkBytes);
  const firstChunk = (call: number, from: number, to: number): number =>
    t.roundTrip + call + chunk * (from + lineByte + to);
  const firstIn = firstChunk(pulls.clientCall / 2 + pulls.serverCall, rates.contribution, 0);
  const oneIn = firstIn + bytes * Math.max(rates.whole, lineByte) + pulls.clientCall / 2;
  const allIn = firstIn + Math.max(receive + t.heard / 2, contributions * bytes * lineByte + chunk * rates.whole);
  const complete = t.announce + Math.max(oneIn, allIn - t.spread);
  const out = Math.max(serve, workers * bytes * lineByte);
  // Commits have left when the coordinator applies the update itself; what they ask for waits until it has.
  const asked = t.roundTrip + control.receive + pulls.clientCall;
  const distributed =
    latency + firstChunk(control.receive + pulls.clientCall, 0, rates.taken) + Math.max(0, t.apply - asked) + out;
  return modelled(scenario, t, complete + turn + distributed + t.apply, {
    coordinator: {
      cpuSeconds: t.heard + receive + turn + t.apply + serve,
      bytesIn: contributions * bytes,
      bytesOut: workers * bytes,
      messageBytesSent: t.leaseBytes,
    },
    worker: {
      cpuSeconds:
        t.workerBase + nodes * (pulls.serverCall + bytes * rates.contribution) + pulls.clientCall + bytes * rates.taken,
      bytesIn: bytes,
      bytesOut: nodes * bytes,
    },
    calls: contributions + workers,
    // Those that come at once, and of what was added one sum for each level of the tree.
    memory: (Math.min(contributions, receivedAtOnce) + Math.ceil(Math.log2(contributions + 1))) * t.floats * 4,
  });
}

/**
 * Throughput of a closed queue: `customers` pulls at once, each of which waits `delay` and is served by the stations one
 * after another (mean value analysis).
 * @param demands seconds of each station that one pull takes
 * @returns pulls a second
 */
function throughput(customers: number, delay: number, demands: readonly number[]): number {
  let queues = demands.map(() => 0);
  let rate = 0;
  for (let n = 1; n <= customers; n++) {
    const times = demands.map((demand, station) => demand * (1 + (queues[station] ?? 0)));
    rate = n / (delay + times.reduce((a, b) => a + b, 0));
    queues = times.map((time) => rate * time);
  }
  return rate;
}

/**
 * By what factor the busiest of the reducers' processors or lines keeps them longer than it is busy: they pull sums in the order in which these
 * were announced, all in the same order, and so all from the same few sources at once. Whoever is through with the first
 * sources begins with the next ones, the sooner the fewer chunks a slice has. Fitted to the simulation.
 * @param least where there are few sources
 */
function convoy(pulled: number, slice: number, least: number): number {
  const rounds = pulled / pullsAtOnce;
  const drawn = 1 + fitted.perDoubling * Math.log2(1 + slice / chunkBytes);
  return Math.min(fitted.most, Math.max(1, least, 0.6 * rounds), drawn);
}

/** What it takes a reducer to pull and serve so many parts of `slice` bytes: processor seconds, and from start to end. */
function reducing(t: Terms, pulled: number, served: number, slice: number) {
  const { pulls, rates } = t;
  const client = pulls.clientCall + slice * rates.added;
  const server = pulls.serverCall + slice * rates.contribution;
  const line = slice * t.lineByte;
  const rounds = pulled / pullsAtOnce;
  const flowing = pulled / throughput(pullsAtOnce, t.roundTrip, [client + (server * served) / pulled, line]);
  const waiting = Math.max(
    (convoy(pulled, slice, 1) - 1) * (pulled * client + served * server),
    (convoy(pulled, slice, Math.min(rounds, 2)) - 1) * pulled * line,
  );
  return {
    cpu: pulled * client + served * server,
    seconds: flowing + waiting,
    one: t.roundTrip + client + server + line,
  };
}

/** What it takes to pull `count` slices from others, all at once, while so many pull one's own: the same of both. */
function taking(t: Terms, count: number, served: number, slice: number) {
  const { pulls, rates } = t;
  const take = count * (pulls.clientCall + slice * rates.taken);
  const serve = served * (pulls.serverCall + slice * rates.reduced);
  const line = Math.max(served, count) * slice * t.lineByte;
  // Neither waits for the other all the time, nor never.
  return { cpu: take + serve, serve, line, seconds: t.roundTrip + Math.hypot(take + serve, line) };
}

/**
 * Each of the first `reducers` workers sums a slice; the coordinator pulls all slices, every worker those of all others.
 */
export function mesh(scenario: Scenario): Modelled {
  const t = terms(scenario);
  const { workers, contributions, nodes, bytes, control, machine, pulls, rates, latency, lineByte } = t;
  const { reducers } = scenario;
  const slice = bytes / reducers;
  // Slices are cut at whole blocks: the largest is a little larger than the mean.
  const largest = (Math.ceil(Math.ceil(t.floats / blockFloats) / reducers) * blockFloats * bytes) / t.floats;
  const copy = (t.floats / reducers) * t.kernels.add;

  // Commits are written once for all.
  const turn = t.norm + workers * control.send + reducers * control.sendSlice + t.leases + reducers * control.send;
  const take = taking(t, reducers - 1, workers - 1, slice);
  const distributed = latency + control.receive + reducers * control.receiveSlice + copy + take.seconds;

  // Contributions are told to reducers as they come; while the event loop tells, more come, and are told together. They
  // come as spread out as the workers' starts and their computing are.
  const starts =
    (take.line > take.cpu ? fitted.startsOfLine * take.line : 0) + (reducers < workers ? take.serve / 2 : 0);
  const telling = reducers * (control.send + machine.effect);
  const parts = contributions * reducers * (control.sendPart + machine.effect);
  const batches = Math.min(
    contributions,
    1 + (t.spread + starts) / Math.max(collectDelay, telling + parts / contributions),
  );
  const collects = batches * telling + parts;

  const pulled = contributions - nodes;
  const reduce = reducing(t, pulled, nodes * (reducers - 1), slice);
  const read = nodes * copy + batches * control.receive + contributions * control.receivePart;
  const first = t.announce + latency + control.receive;
  // What is told in one turn leaves after it; with few batches the second has nearly all.
  const batch = collects / Math.max(1, batches - 1);
  const sliceReduced =
    first + Math.max(batch + reduce.one, batch + reduce.seconds + read - t.spread, collects - t.spread);

  // The coordinator takes slices as they are complete: the first of them while others are still being summed.
  const gather = reducers * (pulls.clientCall + 2 * t.event) + bytes * rates.whole;
  const takeOne = control.send + latency + t.roundTrip + pulls.serverCall + slice * (rates.reduced + lineByte);
  const rounds = pulled / pullsAtOnce;
  const ahead = sliceReduced * Math.max(0, (rounds - 2) / (rounds + 1));
  const takeAll = Math.max(gather, bytes * lineByte);
  const complete = sliceReduced + takeOne + Math.max(takeAll / reducers, takeAll - ahead);

  return modelled(scenario, t, complete + turn + distributed + t.apply, {
    coordinator: {
      cpuSeconds: t.heard + collects + gather + turn + t.apply,
      bytesIn: bytes,
      bytesOut: 0,
      messageBytesSent: t.leaseBytes + contributions * reducers * partBytes + workers * reducers * sliceBytes,
    },
    worker: {
      cpuSeconds:
        t.workerBase +
        2 * control.send +
        reducers * control.receiveSlice +
        reduce.cpu +
        read +
        take.cpu +
        copy +
        (pulls.serverCall + slice * rates.reduced),
      bytesIn: pulled * largest + bytes - largest,
      bytesOut: nodes * (bytes - largest) + workers * largest,
    },
    calls: reducers * (contributions - nodes) + reducers + reducers * (workers - 1),
    memory: 2 * t.floats * 4,
  });
}

/**
 * A mesh of two levels, which is not implemented. Workers stand in a grid of groups. In a group each sums a slice, over
 * the group; those who have the same slice sum a part of it each, over all groups, and give it to each other; then the
 * coordinator takes the slices of one group, and everyone those of the own. Each has as many partners as its group and
 * its column have others, in place of all.
 * @param scenario with `group` workers a group, whose shards are nodes of the canonical tree
 */
export function twoLevelMesh(scenario: Scenario & { readonly group: number }): Modelled {
  const t = terms(scenario);
  const { workers, contributions, nodes, bytes, control, machine, pulls, rates, latency, lineByte } = t;
  const { group } = scenario;
  const groups = workers / group;
  const slice = bytes / group;
  const part = bytes / workers;

  const turn = t.norm + workers * control.send + group * control.sendSlice + t.leases + workers * control.send;
  const last = taking(t, group - 1, group - 1, slice);
  const telling = workers * (control.send + machine.effect);
  const batches = Math.min(group * nodes, 1 + t.spread / Math.max(collectDelay, telling));
  const within = batches * telling + contributions * group * (control.sendPart + machine.effect);
  // Between the levels: everyone says that it is done, and is told of its column.
  const between = workers * (t.event + control.send + groups * (control.sendPart + machine.effect));
  const change = control.send + 2 * latency + control.receive + groups * control.receivePart + between;

  const inGroup = reducing(t, (group - 1) * nodes, (group - 1) * nodes, slice);
  const acrossGroups = reducing(t, groups - 1, groups - 1, part);
  const back = taking(t, groups - 1, groups - 1, part);
  const gather = group * (pulls.clientCall + 2 * t.event) + bytes * rates.whole;

  const summed =
    t.announce + latency + control.receive + Math.max(inGroup.one, inGroup.seconds - t.spread, within - t.spread);
  const known = summed + change + acrossGroups.seconds + change + back.seconds;
  const complete =
    known + control.send + latency + workers * t.event + t.roundTrip + Math.max(gather, bytes * lineByte);
  const distributed = latency + control.receive + group * control.receiveSlice + last.seconds;
  return modelled(scenario, t, complete + turn + distributed + t.apply, {
    coordinator: {
      cpuSeconds: t.heard + within + 2 * between + workers * t.event + gather + turn + t.apply,
      bytesIn: bytes,
      bytesOut: 0,
      messageBytesSent:
        t.leaseBytes + (contributions * group + 2 * workers * groups) * partBytes + workers * group * sliceBytes,
    },
    worker: {
      cpuSeconds:
        t.workerBase +
        4 * (control.send + control.receive) +
        group * control.receiveSlice +
        inGroup.cpu +
        acrossGroups.cpu +
        back.cpu +
        last.cpu +
        (pulls.serverCall + slice * rates.reduced),
      bytesIn: (group - 1) * nodes * slice + 2 * (groups - 1) * part + (group - 1) * slice,
      bytesOut: (group - 1) * nodes * slice + 2 * (groups - 1) * part + group * slice,
    },
    calls: workers * ((group - 1) * nodes + 2 * (groups - 1) + (group - 1)) + group,
    memory: 2 * t.floats * 4,
  });
}

/** Groups of the size that is fastest by the formulas: powers of two that divide the workers. */
export function bestTwoLevelMesh(scenario: Scenario): Modelled & { readonly group: number } {
  const sizes: number[] = [];
  for (let group = 2; group < scenario.workers; group *= 2) if (scenario.workers % group === 0) sizes.push(group);
  const all = sizes.map((group) => ({ group, ...twoLevelMesh({ ...scenario, group }) }));
  return all.reduce((best, one) => (one.reductionSeconds < best.reductionSeconds ? one : best));
}
