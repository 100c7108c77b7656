/** Refuses calls. */
import type { status } from "@grpc/grpc-js";

export interface Refusal {
  readonly code: status;
  readonly details: string;
}

/** Ends a call with a status. */
export function refuse(call: { emit(event: "error", refusal: Refusal): boolean }, code: status, details: string): void {
  call.emit("error", { code, details });
}
