/** One run of a cluster from its start to its end, while faults happen to it. */
import { join } from "node:path";
import { CoxswainError } from "../errors.js";
import { Capacity } from "./capacity.js";
import { Cluster } from "./cluster.js";
import type { ClusterEnd, ClusterOptions } from "./cluster.js";
import { CommitWatch } from "./commits.js";
import { Injector } from "./faults.js";
import type { Injection } from "./faults.js";
import type { Setting } from "./options.js";
import { faultsOf } from "./plan.js";
import type { ChaosPlan } from "./plan.js";
import { Deadline, Schedule, Sometimes } from "./timing.js";

export type Happening = { readonly seconds: number } & (
  { readonly injection: Injection } | { readonly surprise: string }
);

export interface Course {
  readonly end: ClusterEnd;
  /** Seconds on a clock of its own, one for every commit. */
  readonly commits: readonly number[];
  /** Commits of steps that were committed before. */
  readonly again: number;
  readonly capacity: Capacity;
}

/** Runs a cluster to its end while faults happen to it. */
export async function runCourse(
  setting: Setting,
  name: "reference" | "disturbed",
  plan: ChaosPlan,
  happened: (happening: Happening) => void,
): Promise<Course> {
  const { options, folder } = setting;
  const clock = (): number => performance.now() / 1000;
  const outputDir = join(folder, name);
  const commits: number[] = [];
  const capacity = new Capacity();
  let newest = 0;
  let again = 0;
  const since = (): number => clock() - (commits[0] ?? clock());
  const cluster = await Cluster.start({
    ...clusterOptions(setting, name, plan),
    onSurprise: (surprise) => happened({ surprise, seconds: since() }),
    onCapacity: (share) => capacity.change(clock(), share),
  });
  const injector = new Injector(cluster, plan, (injection) => happened({ injection, seconds: since() }));
  const schedule = new Schedule(faultsOf(plan, options.seed), clock, (fault) => {
    if (!injector.inject(fault)) options.note(`${fault.kind}: nothing is there that it could happen to`);
  });
  const stall = new Deadline(options.giveUpAfter);
  const progress = new Sometimes(10, clock);
  const watch = new CommitWatch(join(outputDir, "metrics.jsonl"), (step) => {
    commits.push(clock());
    if (commits.length === 1) schedule.start();
    if (step <= newest) again++;
    newest = Math.max(newest, step);
    stall.postpone();
    progress.maybe(() => options.note(`${name === "reference" ? "undisturbed" : "disturbed"}: step ${step}`));
  });
  try {
    const end = await Promise.race([cluster.ended, stall.passed, aborted(options.signal)]);
    watch.look();
    return { end, commits, again, capacity };
  } finally {
    watch.close();
    stall.close();
    schedule.close();
    injector.close();
    await cluster.close({ leave: !options.signal.aborted });
  }
}

/** Settings that differ from the run's: where it writes, and that it goes on with any number of workers. */
function clusterOptions(
  { options, config, workers, folder, guard }: Setting,
  name: "reference" | "disturbed",
  plan: ChaosPlan,
): Omit<ClusterOptions, "onSurprise" | "onCapacity"> {
  const { tls, token } = config.cluster;
  return {
    program: options.program,
    runFile: options.runFile,
    // The user's own come later: they win, but for the folder.
    sets: [
      "telemetry.http=null",
      // Its runs are no runs that anybody waits for.
      "telemetry.nats=null",
      `cluster.min_workers=${name === "reference" ? workers : 1}`,
      ...options.sets,
      `output_dir=${JSON.stringify(join(folder, name))}`,
    ],
    insecure: options.insecure,
    workers,
    tlsFlags:
      tls === null
        ? []
        : ["--tls-ca", tls.ca ?? tls.cert, ...(tls.ca === null ? [] : ["--tls-cert", tls.cert, "--tls-key", tls.key])],
    environment: { ...process.env, ...(token === null ? {} : { COXSWAIN_TOKEN: token }) },
    logFolder: join(folder, "logs", name),
    restartAfter: plan.restartAfter,
    slow: plan.slow,
    guard,
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void =>
      reject(new CoxswainError("interrupted", "interrupted; everything that was started has ended"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
