/** The flags of `coxswain worker`. */
import type { ConnectionFlags } from "../options/connection.js";
import type { NatsFlags } from "../options/nats.js";

export interface WorkerFlags extends ConnectionFlags, NatsFlags {
  readonly coordinator?: string;
  readonly run?: string;
  readonly listen?: string;
  readonly advertise?: string;
  readonly model?: string;
  readonly device?: "auto" | "cpu" | "cuda" | "webgpu";
  readonly devices?: string;
  readonly reconnectTimeout?: number;
  readonly http: string;
  readonly stay?: true;
}
