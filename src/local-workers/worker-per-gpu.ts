/**
 * One worker process per GPU, supervised by this process: it forwards requests to stop, and waits until all have
 * exited. A worker that exits is not restarted; its exit is reported.
 */
import { fork } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { visibleVariable } from "../compute/index.js";

export interface WorkerPerGpuOptions {
  /** GPUs as in CUDA_VISIBLE_DEVICES. */
  readonly gpus: readonly string[];
  /** Command line of worker `index`, without the program. */
  readonly argumentsOf: (index: number) => readonly string[];
  /** Additional environment variables of every worker. */
  readonly environment: Readonly<Record<string, string>>;
  /** The `coxswain` program. Default: this build's own. */
  readonly program?: string | undefined;
  /** Reports a worker's end to the user. */
  readonly report: (text: string) => void;
  /** Asks all workers to leave (SIGTERM); each call sends the signal again. */
  readonly onLeave: (leave: () => void) => void;
}

/** @returns the workers' exit codes, combined as `exitStatus` does */
export async function runWorkerPerGpu(options: WorkerPerGpuOptions): Promise<number> {
  const { gpus, argumentsOf, environment, report, onLeave } = options;
  const program = options.program ?? fileURLToPath(new URL("../cli/main.js", import.meta.url));
  const children = gpus.map((gpu, index) =>
    fork(program, argumentsOf(index), {
      // The channel lets the worker detect that this process is gone, and leaves Ctrl-C to this process.
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, ...environment, [visibleVariable]: gpu },
    }),
  );
  const running = new Set(children);
  onLeave(() => {
    for (const child of running) child.kill("SIGTERM");
  });
  const codes = children.map(
    (child, index) =>
      new Promise<number>((resolve) => {
        const gpu = gpus[index] ?? "";
        // A process that cannot be started emits no "close".
        child.once("error", (error) => {
          running.delete(child);
          report(`the worker on GPU ${gpu}: ${error.message}`);
          resolve(1);
        });
        child.once("close", (code, signal) => {
          running.delete(child);
          const others = running.size === 0 ? "" : `; ${running.size} still running`;
          report(`the worker on GPU ${gpu} ended (${signal ?? `exit code ${code ?? 1}`})${others}`);
          resolve(exitCodeOf(code, signal));
        });
      }),
  );
  return exitStatus(await Promise.all(codes));
}

/** The exit status as in a shell: 128 plus the signal's number for a process that was ended by a signal. */
export const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  signal === null ? (code ?? 1) : 128 + constants.signals[signal];

/** 0 only if all are 0; an internal error (1) takes precedence over any other, then the highest. */
export const exitStatus = (codes: readonly number[]): number => (codes.includes(1) ? 1 : Math.max(0, ...codes));
