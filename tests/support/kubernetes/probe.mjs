/**
 * One question of a kubelet to a container, asked in its network namespace.
 *
 *   node probe.mjs http PORT PATH MILLISECONDS       is answered with a status from 200 to 399
 *   node probe.mjs grpc PORT - MILLISECONDS          the health service says that it is serving
 */
import { Client, credentials } from "@grpc/grpc-js";
import { service } from "grpc-health-check";

const [kind, port, path, milliseconds] = process.argv.slice(2);

async function overHttp() {
  const signal = AbortSignal.timeout(Number(milliseconds));
  const { status } = await fetch(`http://127.0.0.1:${port}${path}`, { signal, redirect: "manual" });
  return status >= 200 && status < 400;
}

async function overGrpc() {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const { path: method, requestSerialize, responseDeserialize } = service.Check;
  const deadline = Date.now() + Number(milliseconds);
  const answer = await new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method,
      requestSerialize,
      responseDeserialize,
      { service: "" },
      { deadline },
      (error, value) => (error === null ? resolve(value) : reject(error)),
    );
  });
  client.close();
  return answer.status === "SERVING";
}

try {
  process.exitCode = (await (kind === "grpc" ? overGrpc() : overHttp())) ? 0 : 1;
} catch {
  process.exitCode = 1;
}
