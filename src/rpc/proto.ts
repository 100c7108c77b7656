/** Loads the protocol and gives typed services and clients. Bulk messages get the hand-written codec. */
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import type { MethodDefinition, PackageDefinition, ServiceDefinition } from "@grpc/proto-loader";
import { loadSync } from "@grpc/proto-loader";
import { decodeChunk, encodeChunk } from "../collective/index.js";
import type { Chunk } from "../collective/index.js";
import { seal, unseal } from "./seal.js";
import type { ProtoGrpcType } from "./generated/coxswain.js";

// What goes wrong is told as our errors; the library's own lines on stderr would only stand before them.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

/** Both sides must have the same. Raised with every change that an older side would misunderstand. */
export const protocolVersion = 1;

const folder = fileURLToPath(new URL("../../proto/", import.meta.url));

/** The options that the generated types were made with (see scripts/generate.mjs). */
export const packageDefinition: PackageDefinition = loadSync("coxswain/v1/coxswain.proto", {
  includeDirs: [folder],
  keepCase: false,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
});

const bulk = (method: MethodDefinition<object, object>, direction: "request" | "response"): void => {
  const serialize = (value: object): Buffer => encodeChunk(value as Chunk);
  if (direction === "request") {
    method.requestSerialize = serialize;
    method.requestDeserialize = decodeChunk;
  } else {
    method.responseSerialize = serialize;
    method.responseDeserialize = decodeChunk;
  }
};

/** Puts a checksum on all that one side of a method says. */
function sealed(method: MethodDefinition<object, object>, direction: "request" | "response"): void {
  if (direction === "request") {
    const { requestSerialize, requestDeserialize } = method;
    method.requestSerialize = (value) => seal(requestSerialize(value));
    method.requestDeserialize = (bytes) => requestDeserialize(unseal(bytes));
  } else {
    const { responseSerialize, responseDeserialize } = method;
    method.responseSerialize = (value) => seal(responseSerialize(value));
    method.responseDeserialize = (bytes) => responseDeserialize(unseal(bytes));
  }
}

/** What has no chunks: control, and what asks for bulk. */
function useSeals(definition: PackageDefinition): void {
  const coordinator = definition["coxswain.v1.Coordinator"] as ServiceDefinition;
  const worker = definition["coxswain.v1.Worker"] as ServiceDefinition;
  for (const [service, name, direction] of [
    [coordinator, "Attend", "request"],
    [coordinator, "Attend", "response"],
    [coordinator, "PullReduced", "request"],
    [coordinator, "PullReplica", "request"],
    [coordinator, "PullModelFile", "request"],
    [worker, "PullContribution", "request"],
    [worker, "PullSlice", "request"],
    [worker, "PullReplica", "request"],
  ] as const) {
    const method = service[name];
    if (method === undefined) throw new Error(`the protocol has no ${name}`);
    sealed(method, direction);
  }
}

function useChunkCodec(definition: PackageDefinition): void {
  const coordinator = definition["coxswain.v1.Coordinator"] as ServiceDefinition;
  const worker = definition["coxswain.v1.Worker"] as ServiceDefinition;
  for (const [service, name, direction] of [
    [coordinator, "PullReduced", "response"],
    [coordinator, "PullReplica", "response"],
    [coordinator, "PullModelFile", "response"],
    [coordinator, "PushContribution", "request"],
    [coordinator, "PushReplica", "request"],
    [worker, "PullContribution", "response"],
    [worker, "PullSlice", "response"],
    [worker, "PullReplica", "response"],
  ] as const) {
    const method = service[name];
    if (method === undefined) throw new Error(`the protocol has no ${name}`);
    bulk(method, direction);
  }
}

useChunkCodec(packageDefinition);
useSeals(packageDefinition);
const loaded = grpc.loadPackageDefinition(packageDefinition) as unknown as ProtoGrpcType;

export const CoordinatorClient = loaded.coxswain.v1.Coordinator;
export const WorkerClient = loaded.coxswain.v1.Worker;
export const coordinatorService = loaded.coxswain.v1.Coordinator.service;
export const workerService = loaded.coxswain.v1.Worker.service;
