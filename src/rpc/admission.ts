/**
 * Decides from its metadata alone whether a call may begin: no message of a refused caller is read. Also reports how
 * every call ends. Independent of the services.
 */
import { ServerInterceptingCall, ServerListenerBuilder, status } from "@grpc/grpc-js";
import type { Metadata, ServerInterceptor } from "@grpc/grpc-js";
import type { PeerAddress } from "../connections/index.js";
import type { ConnectionGuard } from "./guard.js";
import type { Refusal } from "./refuse.js";
import { showsToken } from "./security.js";

export interface AdmissionOptions {
  /** The token that callers must send; null: no token is required. */
  readonly token: string | null;
  /** The status details for a caller that does not send it. */
  readonly refusal: string;
  readonly guard: ConnectionGuard;
  /** Called when a call ends, with the full method name and the gRPC name of the status code. */
  readonly onHandled: (method: string, code: string) => void;
}

/** The only service that needs no token: probes of orchestrators have none. Reflection requires it like any other. */
const openService = "/grpc.health.v1.Health/";

/** Longest text of a status, characters: it is sent in a header. */
const longestDetails = 1000;

export function admission(options: AdmissionOptions): ServerInterceptor {
  return (method, call) => {
    const peer: PeerAddress = call.getConnectionInfo();
    const over = (code: status): void => options.onHandled(method.path.slice(1), status[code]);
    const onReceiveMetadata = (metadata: Metadata, pass: (metadata: Metadata) => void): void => {
      const refusal = refusalOf(method.path, metadata, peer, options);
      if (refusal === undefined) {
        pass(metadata);
        return;
      }
      over(refusal.code);
      call.sendStatus(refusal);
    };
    return new ServerInterceptingCall(call, {
      start: (next) => next(new ServerListenerBuilder().withOnReceiveMetadata(onReceiveMetadata).build()),
      sendStatus: (sent, next) => {
        over(sent.code);
        next({ ...sent, details: sendable(sent.details) });
      },
    });
  };
}

function refusalOf(
  path: string,
  metadata: Metadata,
  peer: PeerAddress,
  { token, refusal, guard }: AdmissionOptions,
): Refusal | undefined {
  if (path.startsWith(openService)) {
    if (guard.allowsOpenCall(peer)) return undefined;
    return { code: status.RESOURCE_EXHAUSTED, details: "too many calls without the token from this address" };
  }
  if (showsToken(metadata, token)) {
    guard.admit(peer);
    return undefined;
  }
  guard.refuse(peer);
  return { code: status.UNAUTHENTICATED, details: refusal };
}

/**
 * A status may quote what a caller sent. It is cut, since a call does not end with a header of many kilobytes; and
 * consists of whole characters, since gRPC escapes it by `encodeURI`, which throws for a lone surrogate.
 */
const sendable = (details: string): string =>
  details
    .slice(0, longestDetails)
    .replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
