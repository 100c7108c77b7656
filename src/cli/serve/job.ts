/**
 * Executes a run of the queue in a process of its own, so that nothing that its model or data do ends the server: it is
 * ended when it dies, hangs, or does not leave in time.
 */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compiledModule } from "../../compiled.js";
import type { LoadedRun } from "../../config/index.js";
import { interrupted, type FinishedRun } from "../../library/index.js";
import { unpackError } from "../../packed-error.js";
import { ProcessEnded } from "../../queue/index.js";
import type { JobOutcome, JobReport, JobRequest } from "./job-messages.js";

export interface JobOptions extends Pick<JobRequest, "resume" | "insecure"> {
  /** Ends the run after the step in flight; at the end of `grace` its process is killed. */
  readonly signal: AbortSignal;
  /** Kills its process immediately. */
  readonly now: AbortSignal;
  /** ms */
  readonly grace: number;
  /** Time without a sign of life after which the process counts as hung, ms. Default: five minutes. */
  readonly patience?: number;
  /** Compiled module that the process runs. Given by tests. */
  readonly entry?: string;
}

/** The event loop of a coordinator is never busy for so long; that of a template or an expression without end is. */
const usualPatience = 300_000;

/** @throws what the start of the run throws; ProcessEnded if its process died or hung */
export async function executeJob({ config, name }: LoadedRun, options: JobOptions): Promise<FinishedRun> {
  const { resume, insecure, signal, now, grace, patience = usualPatience } = options;
  const child = fork(options.entry ?? fileURLToPath(compiledModule("cli/serve/job-entry.js")), {
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // A group of its own: it gets no Ctrl-C of the terminal, and is ended with its workers.
    detached: true,
  });
  let report: Exclude<JobReport, { kind: "alive" }> | undefined;
  let killed: "hung" | "left" | undefined;
  const kill = (why: NonNullable<typeof killed>): void => {
    killed ??= why;
    killGroup(child);
  };
  const hung = setTimeout(() => kill("hung"), patience);
  let late: NodeJS.Timeout | undefined;
  const leave = (): void => {
    child.kill("SIGTERM");
    late ??= setTimeout(() => kill("left"), grace);
  };
  const ended = new Promise<{
    readonly code: number | null;
    readonly by: string | null;
    readonly error: string | undefined;
  }>((resolve) => {
    child.once("exit", (code, by) => resolve({ code, by, error: undefined }));
    child.once("error", ({ message }) => resolve({ code: null, by: null, error: message }));
  });
  child.on("message", (message: JobReport) => {
    hung.refresh();
    if (message.kind !== "alive") report = message;
  });
  const leaveNow = (): void => kill("left");
  signal.addEventListener("abort", leave);
  now.addEventListener("abort", leaveNow);
  try {
    child.send({ name, config, resume, insecure } satisfies JobRequest, () => undefined);
    if (signal.aborted) leave();
    const { code, by, error } = await ended;
    if (report?.kind === "threw") throw unpackError(report.error);
    if (report !== undefined) return { ...report, outcome: outcomeOf(report.outcome) };
    if (killed === "left" || signal.aborted) return leftBehind;
    if (killed === "hung")
      throw new ProcessEnded(`did not respond for ${Math.round(patience / 1000)} s and was ended`, lookHint);
    throw new ProcessEnded(endOf({ code, by, error }), by === "SIGKILL" ? memoryHint : lookHint);
  } finally {
    clearTimeout(hung);
    clearTimeout(late);
    signal.removeEventListener("abort", leave);
    now.removeEventListener("abort", leaveNow);
    // Its workers end with it, but not while they compute.
    killGroup(child);
  }
}

const lookHint = "Look for the reason in the server's output and in output_dir/logs; the same run would end it again.";
const memoryHint =
  "The kernel ends processes when memory is short: lower micro_batch_size or max_length, or use a larger machine.";

/** What is saved is where the next server continues. */
const leftBehind: FinishedRun = {
  outcome: { kind: "stopped", reason: interrupted, returning: true },
  adapter: undefined,
  step: 0,
};

const endOf = (end: {
  readonly code: number | null;
  readonly by: string | null;
  readonly error: string | undefined;
}): string =>
  end.error !== undefined
    ? `could not be started: ${end.error}`
    : end.by !== null
      ? `was ended by ${end.by}`
      : `ended with exit code ${end.code ?? "?"} and no result`;

const outcomeOf = (outcome: JobOutcome): FinishedRun["outcome"] =>
  outcome.kind === "failed" ? { kind: "failed", error: unpackError(outcome.error) } : outcome;

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}
