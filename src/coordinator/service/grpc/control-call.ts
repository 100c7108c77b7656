/** A worker's control stream over gRPC. */
import { status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { refuse, resetCall } from "../../../rpc/index.js";
import type { CoordinatorMessage, Refusal, WorkerMessageOutput } from "../../../rpc/index.js";
import type { ControlCall, ControlListener, Refused } from "../transport.js";

type Stream = ServerDuplexStream<WorkerMessageOutput, CoordinatorMessage>;

const codes: Record<Refused, status> = {
  unfit: status.FAILED_PRECONDITION,
  late: status.DEADLINE_EXCEEDED,
  full: status.RESOURCE_EXHAUSTED,
  internal: status.INTERNAL,
};

/** Messages that a worker may leave unread: in a large mesh, hundreds per step while it computes. */
const unreadAllowed = 8192;

/**
 * @param attend receives the coordinator's end of the stream and returns its listener
 */
export function serveControlCall(stream: Stream, attend: (call: ControlCall) => ControlListener): void {
  let unread = 0;
  const send = (message: CoordinatorMessage): void => {
    // What follows waits for nobody: the worker is as good as gone.
    if (unread > unreadAllowed) return;
    stream.write(message, () => unread--);
    if (++unread <= unreadAllowed) return;
    if (!resetCall(stream)) refuse(stream, status.RESOURCE_EXHAUSTED, notRead);
    listener.ended(notRead);
  };
  const listener = attend({
    host: hostOf(stream.getPeer()),
    send,
    end: () => {
      stream.end();
    },
    refuse: (why, reason) => refuse(stream, codes[why], reason),
  });
  stream.on("data", (message: WorkerMessageOutput) => listener.message(message));
  stream.on("end", () => {
    listener.ended("it closed its stream");
    stream.end();
  });
  stream.on("cancelled", () => listener.ended("its connection broke"));
  // A refused stream ends here, too: a refusal has details but no message.
  stream.on("error", (error: Error | Refusal) => listener.ended("details" in error ? error.details : error.message));
}

const notRead = "it does not read its messages";

/**
 * The host part of a gRPC peer such as "10.0.0.7:40912", "[::1]:40912" or "::1:40912", which grpc-js writes for IPv6; in
 * brackets if it is IPv6. An IPv4 address that is mapped to IPv6 is given as IPv4.
 */
export function hostOf(peer: string): string | undefined {
  const host = /^(?:ipv[46]:)?(.+):\d+$/.exec(peer)?.[1]?.replace(/^\[(.+)\]$/, "$1");
  const mapped = host?.replace(/^::ffff:(?=[\d.]+$)/i, "");
  return mapped?.includes(":") === true ? `[${mapped}]` : mapped;
}
