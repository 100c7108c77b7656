/**
 * Every stream of a gRPC server's connections: the library answers calls to unknown methods, and requests that are not
 * gRPC, before an interceptor sees them. This uses internals of the library; package.json pins its version, and a test
 * checks that the installed one has them.
 */
import type { Server } from "@grpc/grpc-js";
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { PeerAddress } from "../connections/index.js";

/**
 * @param onStream called for every stream, before the library sees it, with whether it is a call to a method that exists
 * @returns false if this version of the library keeps its HTTP/2 servers elsewhere
 */
export function watchStreams(server: Server, onStream: (peer: PeerAddress, isCall: boolean) => void): boolean {
  const { http2Servers, handlers } = server as unknown as Readonly<Record<string, unknown>>;
  if (!(http2Servers instanceof Map && handlers instanceof Map) || http2Servers.size === 0) return false;
  const isCall = ({ ":path": path = "", "content-type": type = "" }: IncomingHttpHeaders): boolean =>
    handlers.has(path) && type.startsWith("application/grpc");
  for (const http2Server of http2Servers.keys() as Iterable<Http2Server>) {
    http2Server.prependListener("session", (session: ServerHttp2Session) => {
      const { remoteAddress, remotePort } = session.socket;
      session.prependListener("stream", (_: ServerHttp2Stream, headers: IncomingHttpHeaders) =>
        onStream({ remoteAddress, remotePort }, isCall(headers)),
      );
    });
  }
  return true;
}
