/**
 * Tells when bulk cannot go past the copies of the gRPC library (direct.ts): everything works, at half the speed, and
 * nobody would know why. Of the process as a whole, as its version of the library is.
 */

export type BulkDirection = "received" | "sent";

const listeners = new Set<(direction: BulkDirection) => void>();

/** An object is on its way through the library's messages. */
export function noteSlowPath(direction: BulkDirection): void {
  for (const listener of listeners) listener(direction);
}

export interface SlowPathReport {
  /** Every time. */
  readonly count: (direction: BulkDirection) => void;
  /** Once. */
  readonly warn: (text: string) => void;
}

/** @returns ends it */
export function reportSlowPath({ count, warn }: SlowPathReport): () => void {
  let said = false;
  const listener = (direction: BulkDirection): void => {
    count(direction);
    if (said) return;
    said = true;
    warn(
      "gradients take the slow path through the gRPC library: another version of @grpc/grpc-js is installed than this release was made with; npm ci in a clone, or a fresh install, brings the right one",
    );
  };
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
