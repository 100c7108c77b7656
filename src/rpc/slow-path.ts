/**
 * Reports when bulk transfers cannot avoid the copies of the gRPC library (direct.ts): everything works, but at half
 * the speed. State of the whole process, as the library's version is.
 */

export type BulkDirection = "received" | "sent";

const listeners = new Set<(direction: BulkDirection) => void>();

/** An object is transferred through the library's messages. */
export function noteSlowPath(direction: BulkDirection): void {
  for (const listener of listeners) listener(direction);
}

export interface SlowPathReport {
  /** Called every time. */
  readonly count: (direction: BulkDirection) => void;
  /** Called once. */
  readonly warn: (text: string) => void;
}

/** @returns a function that unsubscribes */
export function reportSlowPath({ count, warn }: SlowPathReport): () => void {
  let said = false;
  const listener = (direction: BulkDirection): void => {
    count(direction);
    if (said) return;
    said = true;
    warn(
      "gradients take the slow path through the gRPC library: the installed version of @grpc/grpc-js is not the one that this release requires; run npm ci in a clone, or reinstall",
    );
  };
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
