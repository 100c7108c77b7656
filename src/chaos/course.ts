/** One run of a cluster from start to end, with faults injected. */
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
  /** Time of each commit, seconds on a monotonic clock. */
  readonly commits: readonly number[];
  /** Commits of steps that were committed before. */
  readonly again: number;
  readonly capacity: Capacity;
}

/** Runs a cluster to its end, with faults injected. */
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
    if (!injector.inject(fault)) options.note(`${fault.kind}: no process is available as its target`);
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

/** Settings that differ from the run's: its output folder, and that it continues with any number of workers. */
function clusterOptions(
  { options, config, workers, folder, guard }: Setting,
  name: "reference" | "disturbed",
  plan: ChaosPlan,
): Omit<ClusterOptions, "onSurprise" | "onCapacity"> {
  const { tls, token } = config.cluster;
  return {
    program: options.program,
    runFile: options.runFile,
    // The user's settings come later and override these, except for the folder.
    sets: [
      "telemetry.http=null",
      // Nobody waits for events of these runs.
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
    const fail = (): void => reject(new CoxswainError("interrupted", "interrupted; all started processes have ended"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
