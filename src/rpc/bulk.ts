/** Sends and receives large objects as streams of chunks, with bounded memory and with timeouts. */
import type {
  ClientReadableStream,
  ClientWritableStream,
  ServerDuplexStream,
  ServerReadableStream,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { Metadata } from "@grpc/grpc-js";
import { CoxswainError } from "../errors.js";
import { Assembler, VectorAssembler, chunksOf, vectorChunks } from "../collective/index.js";
import type { Chunk, VectorDtype } from "../collective/index.js";
import { directWriter, readChunks } from "./direct.js";
import { tuneForBulk } from "./memory.js";
import { metadataKeys } from "./metadata.js";
import { unlessStalled } from "./stall.js";

tuneForBulk();

/** Maximum number of pending writes: the stream's own high-water mark counts messages, not bytes. */
const writesInFlight = 4;

type Sink = Pick<
  ServerWritableStream<unknown, Chunk> | ServerDuplexStream<unknown, Chunk> | ClientWritableStream<Chunk>,
  "on" | "off"
> & {
  write(chunk: Chunk, callback: (error?: Error | null) => void): boolean;
};
type Source = ClientReadableStream<Chunk> | ServerReadableStream<Chunk, unknown>;

/** The timeout for moving `bytes`, ms: 10 s plus the time at 1 MiB/s. A slower transfer is considered broken. */
export const bulkTimeout = (bytes: number): number => 10_000 + (bytes / (1024 * 1024)) * 1000;

/** The same as a deadline for a call that begins now, on the wall clock, as gRPC requires. */
export const bulkDeadline = (bytes: number): Date => new Date(Date.now() + bulkTimeout(bytes));

/** Writes all chunks with backpressure; does not end the stream. Rejects when the stream breaks. */
export async function sendChunks(
  sink: Sink,
  chunks: Iterable<Chunk> | AsyncIterable<Chunk>,
  write: Sink["write"] = (chunk, callback) => sink.write(chunk, callback),
): Promise<void> {
  let inFlight = 0;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const settle = (error?: Error | null): void => {
    failure ??= error ?? undefined;
    wake?.();
  };
  const broken = (): void => settle(new CoxswainError("network", "the stream was closed by the other side"));
  sink.on("error", settle).on("cancelled", broken).on("close", broken);
  const whenAtMost = async (limit: number): Promise<void> => {
    while (inFlight > limit && failure === undefined) await new Promise<void>((resolve) => (wake = resolve));
    if (failure !== undefined) throw failure;
  };
  try {
    for await (const chunk of chunks) {
      await whenAtMost(writesInFlight - 1);
      inFlight++;
      write(chunk, (error) => {
        inFlight--;
        settle(error);
      });
    }
    await whenAtMost(0);
  } finally {
    sink.off("error", settle).off("cancelled", broken).off("close", broken);
  }
}

/** Writes one object held in memory. */
export const sendObject = (sink: Sink, bytes: Uint8Array): Promise<void> => sendChunks(sink, chunksOf(bytes));

/**
 * Collects one object.
 * @param bytes its size, which must match the sender's
 * @throws CoxswainError "network" for gaps, damage, a different size, or a stalled stream; the gRPC error if the stream
 *   fails
 */
export async function receiveObject(source: Source, bytes: number): Promise<Uint8Array> {
  const assembler = new Assembler(bytes);
  await receiveMessages(source, assembler);
  return assembler.finish();
}

/** Parameters and both moments, concatenated, [3 * size] f32 as bytes, and the step of that state. */
export interface ReplicaBytes {
  readonly step: number;
  readonly bytes: Uint8Array;
}

/**
 * Answers a call with a replica, whose bytes must not change until the promise settles.
 * @param onWritten called for every chunk that the peer has taken
 */
export function sendReplica<Request>(
  call: ServerWritableStream<Request, Chunk>,
  replica: ReplicaBytes,
  onWritten?: () => void,
): Promise<void> {
  const metadata = new Metadata();
  metadata.set(metadataKeys.step, String(replica.step));
  call.sendMetadata(metadata);
  return sendChunks(call, chunksOf(replica.bytes), noticing(call, onWritten));
}

/** Collects a replica of `size` parameters. Rejects as `receiveObject`. */
export async function receiveReplica(call: ClientReadableStream<Chunk>, size: number): Promise<ReplicaBytes> {
  let step = Number.NaN;
  call.on("metadata", (metadata: Metadata) => (step = Number(metadata.get(metadataKeys.step)[0])));
  const bytes = await receiveObject(call, replicaLength(size));
  return { step, bytes };
}

/** Bytes of a replica of `size` parameters. */
export const replicaLength = (size: number): number => 3 * 4 * size;

/** Writes a vector, which must not change until the promise settles. */
export const sendVector = (sink: Sink, vector: Float32Array, dtype: VectorDtype): Promise<void> =>
  sendVectorChunks(sink, vectorChunks(vector, dtype));

/** The same for chunks made by `vectorChunks`, or of a file. Calls `onWritten` for every chunk that the peer has taken. */
export function sendVectorChunks(
  sink: Sink,
  chunks: Iterable<Chunk> | AsyncIterable<Chunk>,
  onWritten?: () => void,
): Promise<void> {
  // Only a server has to send headers first.
  if (!("sendMetadata" in sink)) return sendChunks(sink, chunks);
  (sink as ServerWritableStream<unknown, Chunk>).sendMetadata(new Metadata());
  return sendChunks(sink, chunks, noticing(sink, onWritten));
}

/** Writes to a server's call, whose headers are sent, without copies. */
function noticing(sink: Sink, onWritten: () => void = () => undefined): Sink["write"] {
  const write: Sink["write"] = directWriter(sink) ?? ((chunk, callback) => sink.write(chunk, callback));
  return (chunk, callback) =>
    write(chunk, (error) => {
      onWritten();
      callback(error);
    });
}

/**
 * Collects a vector that is sent as `dtype`. When it rejects, the contents of `into` are undefined.
 * @param into the destination; its length must match the sender's
 * @param addend added to the vector as it arrives, see `VectorAssembler`
 * @returns the checksum of the vector as it was sent, see `VectorAssembler.finish`
 * @throws CoxswainError "network" and the gRPC error as `receiveObject`
 */
export async function receiveVector(
  source: Source,
  into: Float32Array,
  dtype: VectorDtype,
  addend?: Float32Array,
): Promise<number | undefined> {
  const assembler = new VectorAssembler(into, dtype, addend);
  await ("cancel" in source ? receiveDirectly(source, assembler) : receiveMessages(source, assembler));
  return assembler.finish();
}

async function receiveMessages(source: Source, assembler: Assembler | VectorAssembler): Promise<void> {
  let failure: CoxswainError | undefined;
  const receive = async (): Promise<void> => {
    for await (const chunk of source) assembler.add(chunk as Chunk);
  };
  const end = (error: CoxswainError): void => {
    failure = error;
    if ("cancel" in source) source.cancel();
    else source.destroy(error);
  };
  try {
    await unlessStalled(receive(), () => assembler.received, end);
  } catch (error) {
    throw failure ?? error;
  }
}

function receiveDirectly(source: ClientReadableStream<Chunk>, assembler: VectorAssembler): Promise<void> {
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    source.cancel();
  };
  const receiving = new Promise<void>((resolve, reject) => {
    readChunks(source, assembler, fail);
    source.once("end", () => (failure === undefined ? resolve() : reject(toError(failure))));
    source.on("error", (error: Error) => reject(toError(failure ?? error)));
  });
  return unlessStalled(receiving, () => assembler.received, fail);
}

const toError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
