/** A second process ends all child processes when this process ends, in whatever way. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Guard {
  add(pid: number): void;
  remove(pid: number): void;
  close(): void;
}

export type GuardMessage = { readonly add: number } | { readonly remove: number };

export function startGuard(): Guard {
  const watcher = fork(fileURLToPath(new URL("./watcher.js", import.meta.url)), [], {
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    // In a separate session: what ends this process must not end its guard.
    detached: true,
    execArgv: [],
  });
  watcher.on("error", () => undefined);
  watcher.unref();
  watcher.channel?.unref();
  const tell = (message: GuardMessage): void => {
    if (watcher.connected) watcher.send(message, () => undefined);
  };
  return {
    add: (pid) => tell({ add: pid }),
    remove: (pid) => tell({ remove: pid }),
    close: () => {
      if (watcher.connected) watcher.disconnect();
    },
  };
}
