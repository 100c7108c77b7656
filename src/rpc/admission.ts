/**
 * Decides of every call whether it may begin, on its metadata alone: of a caller who is refused no message is read.
 * Also sees how every call ends. Knows the token, not what the services do.
 */
import { ServerInterceptingCall, ServerListenerBuilder, status } from "@grpc/grpc-js";
import type { Metadata, ServerInterceptor } from "@grpc/grpc-js";
import type { ConnectionGuard, PeerAddress } from "./guard.js";
import type { Refusal } from "./refuse.js";
import { showsToken } from "./security.js";

export interface AdmissionOptions {
  /** What callers must show; null asks for nothing. */
  readonly token: string | null;
  /** What a caller is told who does not show it. */
  readonly refusal: string;
  readonly guard: ConnectionGuard;
  /** Sees every call that ends: full method name, status code as gRPC spells it. */
  readonly onHandled: (method: string, code: string) => void;
}

/** The one service that is open to all: probes of orchestrators have no token. Reflection is a service like any other. */
const openService = "/grpc.health.v1.Health/";

/** Longest text of a status, characters: it travels in a header. */
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
    return { code: status.RESOURCE_EXHAUSTED, details: "too many calls on a connection without the token" };
  }
  // Also one with the right token: it may have been guessed. Connections that have shown it before are not held back.
  if (guard.isStranger(peer) && guard.isShutOut(peer))
    return { code: status.RESOURCE_EXHAUSTED, details: "too many calls without the token came from this address" };
  if (showsToken(metadata, token)) {
    guard.admit(peer);
    return undefined;
  }
  guard.refuse(peer);
  return { code: status.UNAUTHENTICATED, details: refusal };
}

/**
 * A status may quote what a caller sent. It is cut, since a header of many kilobytes ends no call; and made of whole
 * characters, since gRPC escapes it by `encodeURI`, which throws for half of one.
 */
const sendable = (details: string): string =>
  details
    .slice(0, longestDetails)
    .replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
