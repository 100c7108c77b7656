/** Settings that are each valid and contradict each other. */
import type { KeyPath } from "./keys.js";

export interface Contradiction {
  /** The keys concerned; it is reported at the first. */
  readonly keys: readonly [KeyPath, ...KeyPath[]];
  readonly message: string;
}
