/**
 * A worker that another process of this program started (`train`, `worker --devices`): it leaves Ctrl-C and hang-ups, which
 * reach both, to that one, and does not outlive it. Its IPC channel closes when its parent ends, however that ends.
 */
export interface ChildOfOurs {
  readonly connected: boolean;
  readonly channel?: { unref(): void } | null | undefined;
  on(event: "disconnect" | "SIGINT" | "SIGHUP", listener: () => void): unknown;
  /** SIGKILL to itself: nobody waits for its exit code, and a computation in flight may take long. */
  end(): void;
}

/** From its first moment on: its parent may end before it has joined. */
export function endWithParent(child: ChildOfOurs): void {
  for (const signal of ["SIGINT", "SIGHUP"] as const) child.on(signal, () => undefined);
  child.on("disconnect", () => child.end());
  // The channel alone is no reason to go on.
  child.channel?.unref();
  if (!child.connected) child.end();
}

/** This process, where another one of this program started it. */
export const thisChild = (): ChildOfOurs => ({
  connected: process.connected,
  channel: process.channel,
  on: (event, listener) => process.on(event as NodeJS.Signals, listener),
  end: () => process.kill(process.pid, "SIGKILL"),
});
