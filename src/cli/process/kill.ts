/** Ends processes that were started. */

/** kill -9; a process that has already ended is left alone. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has already ended.
  }
}
