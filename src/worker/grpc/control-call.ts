/** The control stream over gRPC. */
import { status } from "@grpc/grpc-js";
import type { Metadata, ServiceError } from "@grpc/grpc-js";
import type { CoordinatorMessageOutput, CoordinatorStub } from "../../rpc/index.js";
import { textFromOutside } from "../../visible-text.js";
import type { ControlCall, ControlListener } from "../transport.js";

const refusals: readonly number[] = [
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
];

export function attend(client: CoordinatorStub, metadata: Metadata, listener: ControlListener): ControlCall {
  const stream = client.attend(metadata);
  let over = false;
  const end = (kind: "refused" | "lost", reason: string): void => {
    if (over) return;
    over = true;
    listener.ended({ kind, reason: textFromOutside(reason) });
  };
  stream.on("data", (message: CoordinatorMessageOutput) => listener.message(message));
  stream.on("error", ({ code, details, message }: ServiceError) =>
    end(refusals.includes(code) ? "refused" : "lost", details || message),
  );
  stream.on("end", () => end("lost", "the coordinator closed the stream"));
  return {
    send: (message) => {
      if (!over) stream.write(message);
    },
    finish: () => stream.end(),
    cancel: () => stream.cancel(),
  };
}
