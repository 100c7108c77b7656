/**
 * What asks a command that runs for long to end: SIGINT (Ctrl-C), SIGTERM, SIGHUP (the terminal closed), and an output that
 * can no longer be written. All of them are answered the same way. Knows nothing of what is ended.
 */
import { hangupsIgnored, readOrigin } from "./hangup.js";
import { lossOf, type OutputName } from "./output-loss.js";

type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface Interrupt {
  /**
   * How often it was asked. A hang-up and a lost output count only as the first: they come together, and more than once.
   * So does a signal that follows the same one too soon for a person: `timeout` sends each to the process and to its group.
   */
  readonly times: number;
  /** What asked first, as a clause: "received SIGTERM", "nobody reads the standard output any more". */
  readonly cause: string;
}

export interface Interruption {
  readonly times: number;
  /** Undefined until then. */
  readonly cause: string | undefined;
  /** Whether an output can no longer be written. */
  lost(name: OutputName): boolean;
  close(): void;
}

interface Output {
  on(event: "error", listener: (error: unknown) => void): unknown;
  off(event: "error", listener: (error: unknown) => void): unknown;
}

/** What is listened to. */
export interface InterruptedProcess {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  readonly stdout: Output;
  readonly stderr: Output;
}

export interface InterruptionOptions {
  readonly host?: InterruptedProcess;
  /** Default: what the process was started with. */
  readonly ignoreHangups?: boolean;
  /** Monotonic, ms. Default: the process's clock. */
  readonly now?: () => number;
}

/** Nobody presses Ctrl-C twice within so long, ms. */
const sameRequest = 100;

/** Calls `act` for each request to end, until it is closed. */
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
