/**
 * What the checks before the token cost bulk: 80 MB pulled over a stream, from a server with them (`listen`) and from
 * gRPC's own sockets with no interceptor, in turns in one process. Prints the median of each, MiB/s.
 *
 *     npm run build && node bench/guard.mjs [--rounds 15] [--elements 20000000] [--smoke]
 */
import { performance } from "node:perf_hooks";
import { Server, ServerCredentials, credentials } from "@grpc/grpc-js";
import { vectorChunks } from "../dist/collective/index.js";
import * as rpc from "../dist/rpc/index.js";
import { readOptions } from "./shared.mjs";

const { rounds, elements } = readOptions({ rounds: 15, elements: 20_000_000 }, { rounds: 1, elements: 100_000 });
const vector = new Float32Array(elements).fill(1.5);
const into = new Float32Array(elements);
const token = "bench";

const pulls = new rpc.PullServer();
const chunks = () => vectorChunks(vector, "float32");
const handlers = {
  Pull: (call) => void pulls.serve(call, () => ({ chunks: chunks(), release: () => undefined })),
  PullReplica: (call) => call.end(),
};

const guarded = await rpc.listen({
  host: "127.0.0.1",
  port: 0,
  credentials: ServerCredentials.createInsecure(),
  services: [{ name: "coxswain.v1.Worker", definition: rpc.workerService, handlers }],
  token,
  refusal: "no",
  largestMessage: rpc.largestRequest,
  addressKey: "bench",
});
const plain = new Server(rpc.serverOptions);
plain.addService(rpc.workerService, handlers);
const plainPort = await new Promise((resolve, reject) =>
  plain.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error ? reject(error) : resolve(port),
  ),
);

const clientOf = (port) =>
  new rpc.WorkerConnection(
    () => new rpc.WorkerClient(`127.0.0.1:${port}`, credentials.createInsecure(), rpc.bulkChannelOptions),
    rpc.withToken(token),
  );
const sides = { plain: clientOf(plainPort), guarded: clientOf(guarded.port) };
const rates = { plain: [], guarded: [] };

for (let round = -2; round < rounds; round++) {
  for (const name of round % 2 === 0 ? ["plain", "guarded"] : ["guarded", "plain"]) {
    const start = performance.now();
    const wanted = { slice: { step: 1, offset: 0, length: elements } };
    await sides[name].pull(wanted, into, "float32");
    // The first rounds warm up.
    if (round >= 0) rates[name].push((elements * 4) / 2 ** 20 / ((performance.now() - start) / 1000));
  }
}

for (const [name, values] of Object.entries(rates)) {
  values.sort((a, b) => a - b);
  const at = (share) => values[Math.floor(share * (values.length - 1))].toFixed(0);
  console.log(`${name.padEnd(8)} ${at(0.5)} MiB/s (quartiles ${at(0.25)}, ${at(0.75)})`);
}
for (const client of Object.values(sides)) client.close();
plain.forceShutdown();
await guarded.close();
