/** The memory that processes here have, bytes: the machine's, or what a container is limited to. */
import { totalmem } from "node:os";

export function memoryOfMachine(): number {
  // 0 where there is no limit, and more than the machine has where it is not set.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
