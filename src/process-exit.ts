/** What must still be done when the process ends: one listener for all, as Node.js warns of more than ten. */
const calls = new Set<() => void>();
const callAll = (): void => {
  for (const call of [...calls]) call();
};

/** @param call each function only once. @returns cancels it */
export function atProcessExit(call: () => void): () => void {
  if (calls.size === 0) process.on("exit", callAll);
  calls.add(call);
  return () => {
    calls.delete(call);
    if (calls.size === 0) process.off("exit", callAll);
  };
}
