/** The guard's process (guard.ts): when its parent has ended, it kills the parent's child processes. */
import type { GuardMessage } from "./guard.js";

const pids = new Set<number>();

process.on("message", (message: GuardMessage) => {
  if ("add" in message) pids.add(message.add);
  else pids.delete(message.remove);
});

process.on("disconnect", () => {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has already ended.
    }
  }
  process.exit(0);
});
