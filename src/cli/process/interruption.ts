/**
 * Requests to end a long-running command: SIGINT (Ctrl-C), SIGTERM, SIGHUP (the terminal closed), and an output that can
 * no longer be written. All are handled alike. Independent of the command.
 */
import { hangupsIgnored, readOrigin } from "./hangup.js";
import { lossOf, type OutputName } from "./output-loss.js";

type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface Interrupt {
  /**
   * Number of requests so far. A hang-up and a lost output count only as the first request, since they occur together and
   * repeatedly. A signal that repeats too quickly for a person is not counted again: `timeout` sends each signal both to
   * the process and to its group.
   */
  readonly times: number;
  /** The first request, as a clause: "received SIGTERM", "the reader of the standard output is gone". */
  readonly cause: string;
}

export interface Interruption {
  readonly times: number;
  /** Undefined until the first request. */
  readonly cause: string | undefined;
  /** Whether an output can no longer be written. */
  lost(name: OutputName): boolean;
  close(): void;
}

interface Output {
  on(event: "error", listener: (error: unknown) => void): unknown;
  off(event: "error", listener: (error: unknown) => void): unknown;
}

/** The sources of requests. */
export interface InterruptedProcess {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  readonly stdout: Output;
  readonly stderr: Output;
}

export interface InterruptionOptions {
  readonly host?: InterruptedProcess;
  /** Default: as the process was started. */
  readonly ignoreHangups?: boolean;
  /** Monotonic, ms. Default: the process's clock. */
  readonly now?: () => number;
}

/** Two equal signals within this time, ms, are one request: no person presses Ctrl-C twice so quickly. */
const sameRequest = 100;

/** Calls `act` for each request to end, until closed. */
export function onInterruption(
  act: (interrupt: Interrupt) => void,
  { host = process, ignoreHangups, now = () => performance.now() }: InterruptionOptions = {},
): Interruption {
  let times = 0;
  let first: string | undefined;
  const lost = new Set<OutputName>();
  const interrupt = (cause: string): void => {
    first ??= cause;
    act({ times: ++times, cause: first });
  };
  let last: { readonly signal: StopSignal; readonly at: number } | undefined;
  const onSignal = (signal: StopSignal): void => {
    const isEcho = last?.signal === signal && now() - last.at < sameRequest;
    last = { signal, at: now() };
    if (!isEcho && (signal !== "SIGHUP" || times === 0)) interrupt(`received ${signal}`);
  };
  const onLoss = (name: OutputName) => (error: unknown) => {
    lost.add(name);
    if (times === 0) interrupt(lossOf(name, error));
  };
  const heedsHangups = !(ignoreHangups ?? hangupsIgnored(readOrigin()));
  const signals: readonly StopSignal[] = ["SIGINT", "SIGTERM", ...(heedsHangups ? (["SIGHUP"] as const) : [])];
  const outputs = (["stdout", "stderr"] as const).map((name) => ({ stream: host[name], listener: onLoss(name) }));
  for (const signal of signals) host.on(signal, onSignal);
  for (const { stream, listener } of outputs) stream.on("error", listener);
  return {
    get times() {
      return times;
    },
    get cause() {
      return first;
    },
    lost: (name) => lost.has(name),
    close: () => {
      for (const signal of signals) host.off(signal, onSignal);
      for (const { stream, listener } of outputs) stream.off("error", listener);
    },
  };
}
