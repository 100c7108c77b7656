/** A gRPC client built from server reflection, like grpcurl: it does not read this project's .proto files. */
import { createRequire } from "node:module";
import { Client, credentials, loadPackageDefinition } from "@grpc/grpc-js";
import type { ChannelCredentials, Metadata, ServiceClientConstructor, ServiceDefinition } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer, loadSync } from "@grpc/proto-loader";

const require = createRequire(import.meta.url);

interface Answer {
  readonly errorResponse?: { readonly errorMessage: string };
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
}

/** Sends one request to the reflection service. */
async function ask(
  address: string,
  question: object,
  metadata: Metadata,
  channel: ChannelCredentials,
): Promise<Answer> {
  const definition = loadSync(require.resolve("@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto"));
  const { path, requestSerialize, responseDeserialize } = (
    definition["grpc.reflection.v1.ServerReflection"] as ServiceDefinition
  )["ServerReflectionInfo"]!;
  const client = new Client(address, channel);
  try {
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
    call.write(question);
    for await (const answer of call as AsyncIterable<Answer>) return answer;
    throw new Error("reflection did not answer");
  } finally {
    client.close();
  }
}

/** The names of a server's services. */
export async function reflectedServices(
  address: string,
  metadata: Metadata,
  channel = credentials.createInsecure(),
): Promise<string[]> {
  const { listServicesResponse } = await ask(address, { listServices: "" }, metadata, channel);
  return listServicesResponse!.service.map(({ name }) => name);
}

/** The files that describe a service, each a serialized FileDescriptorProto. */
export async function reflectedFiles(
  address: string,
  name: string,
  metadata: Metadata,
  channel = credentials.createInsecure(),
): Promise<readonly Buffer[]> {
  const { fileDescriptorResponse } = await ask(address, { fileContainingSymbol: name }, metadata, channel);
  return fileDescriptorResponse!.fileDescriptorProto;
}

/** `close` and the methods of the service, by name. */
export type ReflectedClient = Readonly<Record<string, (...words: unknown[]) => unknown>>;

/** Creates a client of a service. @param name the fully qualified name */
export async function reflectedClient(
  address: string,
  name: string,
  metadata: Metadata,
  channel = credentials.createInsecure(),
): Promise<ReflectedClient> {
  const files = await reflectedFiles(address, name, metadata, channel);
  const options = { keepCase: true, longs: Number, enums: String, oneofs: true };
  const definition = loadFileDescriptorSetFromBuffer(setOf(files), options);
  let found: unknown = loadPackageDefinition(definition);
  for (const part of name.split(".")) found = (found as Record<string, unknown>)[part];
  return new (found as ServiceClientConstructor)(address, channel) as unknown as ReflectedClient;
}

/** `FileDescriptorSet { repeated FileDescriptorProto file = 1; }` of files that are already serialized. */
function setOf(files: readonly Buffer[]): Buffer {
  const parts = files.flatMap((file) => {
    const head = [0x0a];
    let length = file.length;
    for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80);
    return [Buffer.of(...head, length), file];
  });
  return Buffer.concat(parts);
}

/** Calls a unary method and returns its response. */
export const unaryCall = (
  client: ReflectedClient,
  method: string,
  request: object,
  metadata: Metadata,
): Promise<Record<string, unknown>> =>
  new Promise((resolve, reject) => {
    client[method]!(request, metadata, (error: Error | null, answer: Record<string, unknown>) =>
      error === null ? resolve(answer) : reject(error),
    );
  });
