/**
 * Ties a worker to the Coxswain process that started it (`train`, `worker --devices`): the worker leaves Ctrl-C and
 * hang-ups, which both receive, to its parent, and does not outlive it. The IPC channel closes whenever the parent ends.
 */
export interface ChildOfOurs {
  readonly connected: boolean;
  readonly channel?: { unref(): void } | null | undefined;
  on(event: "disconnect" | "SIGINT" | "SIGHUP", listener: () => void): unknown;
  /** Sends SIGKILL to itself: the exit code is not used, and a computation in flight may take long. */
  end(): void;
}

/** Called first at startup: the parent may end before the worker has joined. */
export function endWithParent(child: ChildOfOurs): void {
  for (const signal of ["SIGINT", "SIGHUP"] as const) child.on(signal, () => undefined);
  child.on("disconnect", () => child.end());
  // The channel alone must not keep the process alive.
  child.channel?.unref();
  if (!child.connected) child.end();
}

/** This process, if another Coxswain process started it. */
export const thisChild = (): ChildOfOurs => ({
  connected: process.connected,
  channel: process.channel,
  on: (event, listener) => process.on(event as NodeJS.Signals, listener),
  end: () => process.kill(process.pid, "SIGKILL"),
});
