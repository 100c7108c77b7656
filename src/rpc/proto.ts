/** Loads the protocol and provides typed services and clients. Bulk messages use the hand-written codec. */
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import type { MethodDefinition, Options, PackageDefinition, ServiceDefinition } from "@grpc/proto-loader";
import { loadSync } from "@grpc/proto-loader";
import { decodeChunk, encodeChunk } from "../collective/index.js";
import type { Chunk } from "../collective/index.js";
import { seal, unseal } from "./seal.js";
import type { ProtoGrpcType } from "./generated/coxswain.js";

// Errors are reported as CoxswainError; the library's own lines on stderr would only duplicate them.
grpc.setLogVerbosity(grpc.logVerbosity.NONE);

/** Must be equal on both sides. Incremented with every change that an older side would misunderstand. */
export const protocolVersion = 3;

const folder = fileURLToPath(new URL("../../proto/", import.meta.url));

type Direction = "request" | "response";

/** Replaces the serialisation of one direction of a method. */
function recode(method: MethodDefinition<object, object>, direction: Direction, codec: (given: Codec) => Codec): void {
  if (direction === "request") {
    const { serialize, deserialize } = codec({
      serialize: method.requestSerialize,
      deserialize: method.requestDeserialize,
    });
    Object.assign(method, { requestSerialize: serialize, requestDeserialize: deserialize });
  } else {
    const { serialize, deserialize } = codec({
      serialize: method.responseSerialize,
      deserialize: method.responseDeserialize,
    });
    Object.assign(method, { responseSerialize: serialize, responseDeserialize: deserialize });
  }
}

interface Codec {
  readonly serialize: (value: object) => Buffer;
  readonly deserialize: (bytes: Buffer) => object;
}

const chunks = (): Codec => ({ serialize: (value) => encodeChunk(value as Chunk), deserialize: decodeChunk });

/** Serialised messages that go to several peers. */
const written = new WeakMap<object, Buffer | undefined>();

/** Marks a message as shared: it is serialised once, and the bytes are sent to every peer. It must not change. */
export function writtenOnce<Message extends object>(message: Message): Message {
  written.set(message, undefined);
  return message;
}

/** A checksum for messages that are not chunks. */
const sealed = ({ serialize, deserialize }: Codec): Codec => ({
  serialize: (value) => {
    const before = written.get(value);
    if (before !== undefined) return before;
    const bytes = seal(serialize(value));
    if (written.has(value)) written.set(value, bytes);
    return bytes;
  },
  deserialize: (bytes) => deserialize(unseal(bytes)),
});

/** Serialisation of a method's messages; a direction that is omitted uses the library's. */
type MethodCodecs = readonly [service: string, method: string, codecs: Partial<Record<Direction, typeof sealed>>];

/** Must match the options of the generated types (scripts/generate.mjs). */
const options: Options = {
  includeDirs: [folder],
  keepCase: false,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
};

/** Files of the protocol under their proto names, for server reflection. */
export const describedProtocol = (files: readonly string[]): PackageDefinition =>
  loadSync([...files], { ...options, keepCase: true });

/**
 * Loads files of the protocol.
 * @param files within `proto/`
 */
export function loadProtocol(files: readonly string[], codecs: readonly MethodCodecs[] = []): PackageDefinition {
  const definition = loadSync([...files], options);
  for (const [service, name, { request, response }] of codecs) {
    const method = (definition[`coxswain.v1.${service}`] as ServiceDefinition)[name];
    if (method === undefined) throw new Error(`the protocol has no ${name}`);
    if (request !== undefined) recode(method, "request", request);
    if (response !== undefined) recode(method, "response", response);
  }
  return definition;
}

/** The protocol between a coordinator and its workers. */
export const protocolFile = "coxswain/v1/coxswain.proto";

// The answer to a push is empty.
const packageDefinition = loadProtocol(
  [protocolFile],
  [
    ["Coordinator", "Attend", { request: sealed, response: sealed }],
    ["Coordinator", "PullReduced", { request: sealed, response: chunks }],
    ["Coordinator", "PullReplica", { request: sealed, response: chunks }],
    ["Coordinator", "PullModelFile", { request: sealed, response: chunks }],
    ["Coordinator", "PushContribution", { request: chunks }],
    ["Coordinator", "PushReplica", { request: chunks }],
    ["Worker", "Pull", { request: sealed, response: chunks }],
    ["Worker", "PullReplica", { request: sealed, response: chunks }],
  ],
);

const loaded = grpc.loadPackageDefinition(packageDefinition) as unknown as ProtoGrpcType;

export const CoordinatorClient = loaded.coxswain.v1.Coordinator;
export const WorkerClient = loaded.coxswain.v1.Worker;
export const coordinatorService = loaded.coxswain.v1.Coordinator.service;
export const workerService = loaded.coxswain.v1.Worker.service;
