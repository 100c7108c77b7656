/**
 * Avoids the copies that the gRPC library makes of every message: chunks of a vector are written to a call's HTTP/2
 * stream directly from the vector's memory, and read from it directly into their destination. The bytes on the wire are
 * the same. This uses internals of the library. If a version lacks them, everything works at half the speed, and
 * slow-path.ts reports it. Therefore package.json pins the exact version, and tests check the installed one.
 */
import { constants } from "node:http2";
import type { ClientReadableStream } from "@grpc/grpc-js";
import { CoxswainError } from "../errors.js";
import { decodeChunk, maxPayload, payloadOffset, readChunkHead, writeChunkHead } from "../collective/index.js";
import type { Chunk, ChunkHead } from "../collective/index.js";
import { noteSlowPath } from "./slow-path.js";

/** A message on a stream begins with a compression flag of one byte, and its length. */
const prefixLength = 5;

/** The largest size of an encoded chunk, with room for another encoding. */
const largestMessage = maxPayload + 1024;

interface ByteStream {
  readonly writableEnded: boolean;
  write(bytes: Uint8Array, callback?: (error?: Error | null) => void): boolean;
  cork(): void;
  uncork(): void;
}

interface ClosableStream extends ByteStream {
  close(code: number): void;
  readonly session?: { destroy(): void };
}

interface DecoderHolder {
  decoder: { write(data: Buffer): readonly Buffer[] };
}

/** Unwraps a call until `is` accepts the object. */
function innermost<T>(call: object, is: (candidate: object) => candidate is object & T): T | undefined {
  let current: unknown = call;
  for (let depth = 0; depth < 10 && typeof current === "object" && current !== null; depth++) {
    if (is(current)) return current;
    const { nextCall, call: inner, child, underlyingCalls: attempts } = current as Readonly<Record<string, unknown>>;
    // Retries are off: there is only one attempt.
    current = nextCall ?? inner ?? child ?? (Array.isArray(attempts) ? attempts[0] : undefined);
  }
  return undefined;
}

const has = (candidate: unknown, ...methods: readonly string[]): boolean =>
  typeof candidate === "object" &&
  candidate !== null &&
  methods.every((name) => typeof (candidate as Readonly<Record<string, unknown>>)[name] === "function");

const holdsStream = (candidate: object): candidate is { readonly stream: ClosableStream } =>
  "stream" in candidate && has(candidate.stream, "write", "cork", "uncork", "respond", "close");

const holdsDecoder = (candidate: object): candidate is DecoderHolder =>
  "decoder" in candidate && has(candidate.decoder, "write") && "http2Stream" in candidate;

/**
 * Returns a function that writes chunks to a server's call without copying payloads, which must not change until the
 * callback. Headers must have been sent.
 * @returns undefined if this version of the library keeps its stream elsewhere
 */
export function directWriter(
  call: object,
): ((chunk: Chunk, callback: (error?: Error | null) => void) => boolean) | undefined {
  const stream = innermost(call, holdsStream)?.stream;
  if (stream === undefined) {
    noteSlowPath("sent");
    return undefined;
  }
  return (chunk, callback) => {
    // The library has sent a status itself (for an unreadable request, or a deadline). Further writes would block the
    // status.
    if (stream.writableEnded) {
      callback(new CoxswainError("network", "the call has ended"));
      return false;
    }
    const { length } = chunk.payload;
    const head = Buffer.alloc(prefixLength + payloadOffset);
    head.writeUInt32BE(payloadOffset + length, 1);
    writeChunkHead(chunk, length, head.subarray(prefixLength));
    stream.cork();
    stream.write(head);
    const more = stream.write(chunk.payload, callback);
    stream.uncork();
    return more;
  };
}

/**
 * Ends a server's call at once, with what its peer has not read: a status would wait behind it. The peer's library
 * reports RESOURCE_EXHAUSTED.
 * @returns false if this version of the library keeps its stream elsewhere
 */
export function resetCall(call: object): boolean {
  const stream = innermost(call, holdsStream)?.stream;
  stream?.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  return stream !== undefined;
}

/**
 * Counts refused calls of a server by connection, and closes a connection that has had too many.
 * @returns the function that counts one
 */
export function refusalCounter(most: number): (call: object) => void {
  const refusals = new WeakMap<object, number>();
  return (call) => {
    const session = innermost(call, holdsStream)?.stream.session;
    if (session === undefined) return;
    const count = (refusals.get(session) ?? 0) + 1;
    refusals.set(session, count);
    if (count > most) setImmediate(() => session.destroy());
  };
}

/** Receives the chunks of an object, in pieces. */
export interface ChunkSink {
  begin(head: ChunkHead, length: number): void;
  take(bytes: Uint8Array): void;
  add(chunk: Chunk): void;
}

/**
 * Makes a client's call pass its chunks to `sink` as their bytes arrive, and none as messages.
 * @param onError gets what `sink` throws; the call then ends with an error of the library
 * @returns false if there is no stream yet, or this version of the library keeps it elsewhere
 */
export function readDirectly(call: object, sink: ChunkSink, onError: (error: unknown) => void): boolean {
  const holder = innermost(call, holdsDecoder);
  if (holder === undefined) return false;
  const reader = new ChunkReader(sink);
  holder.decoder = {
    write: (data) => {
      try {
        reader.write(data);
      } catch (error) {
        onError(error);
        throw error;
      }
      return [];
    },
  };
  return true;
}

/** The parts of a client's call that are needed to read its chunks. */
export type ChunkSource = Pick<ClientReadableStream<Chunk>, "on" | "once" | "resume">;

/**
 * Passes a call's chunks to `sink`: directly, from before the first byte is read, or as messages if that is impossible.
 * @param onError gets what `sink` throws; it must end the call
 */
export function readChunks(call: ChunkSource, sink: ChunkSink, onError: (error: unknown) => void): void {
  const readMessages = (): void => {
    call.on("data", (chunk: Chunk) => {
      try {
        sink.add(chunk);
      } catch (error) {
        onError(error);
      }
    });
  };
  const readBytes = (): boolean => readDirectly(call, sink, onError);
  if (readBytes()) readMessages();
  else {
    call.once("metadata", () => {
      if (!readBytes()) noteSlowPath("received");
      readMessages();
    });
  }
  // A call that was answered with only a status does not end until it is read.
  call.once("status", () => call.resume());
}

/** Splits a call's bytes into chunks. */
export class ChunkReader {
  readonly #sink: ChunkSink;
  /** The prefix, and the chunk's header if the message has our layout. */
  readonly #head = Buffer.alloc(prefixLength + payloadOffset);
  #headBytes = 0;
  /** Payload of the incoming chunk, bytes. */
  #left = 0;
  /** A message with another layout, and the bytes of it received so far. */
  #message: Buffer | undefined;
  #messageBytes = 0;

  constructor(sink: ChunkSink) {
    this.#sink = sink;
  }

  /** @throws CoxswainError "network" for anything that is not a chunk, and what the sink throws */
  write(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      if (this.#left > 0) at += this.#takePayload(data.subarray(at));
      else if (this.#message !== undefined) at += this.#takeMessage(this.#message, data.subarray(at));
      else at += this.#takeHead(data.subarray(at));
    }
  }

  #takePayload(data: Buffer): number {
    const payload = data.length > this.#left ? data.subarray(0, this.#left) : data;
    this.#left -= payload.length;
    this.#sink.take(payload);
    return payload.length;
  }

  #takeMessage(message: Buffer, data: Buffer): number {
    const taken = data.copy(message, this.#messageBytes);
    this.#messageBytes += taken;
    this.#decodeWhole(message);
    return taken;
  }

  #takeHead(data: Buffer): number {
    const wanted = this.#headBytes < prefixLength ? prefixLength : this.#head.length;
    const taken = data.copy(this.#head, this.#headBytes, 0, wanted - this.#headBytes);
    this.#headBytes += taken;
    if (this.#headBytes < wanted) return taken;
    const size = this.#head.readUInt32BE(1);
    if (this.#headBytes === prefixLength) {
      if (this.#head[0] !== 0) throw noChunk("it is compressed");
      if (size > largestMessage) throw noChunk(`it has ${size} bytes`);
      if (size < payloadOffset) this.#collect(size);
      return taken;
    }
    const head = readChunkHead(this.#head.subarray(prefixLength), size);
    if (head === undefined) this.#collect(size);
    else {
      this.#headBytes = 0;
      this.#left = size - payloadOffset;
      this.#sink.begin(head, this.#left);
    }
    return taken;
  }

  /** The message does not have our layout: it is decoded once it is complete. */
  #collect(size: number): void {
    this.#message = Buffer.alloc(size);
    this.#messageBytes = this.#head.copy(this.#message, 0, prefixLength, this.#headBytes);
    this.#headBytes = 0;
    this.#decodeWhole(this.#message);
  }

  #decodeWhole(message: Buffer): void {
    if (this.#messageBytes < message.length) return;
    this.#message = undefined;
    this.#sink.add(decodeChunk(message));
  }
}

const noChunk = (what: string): CoxswainError =>
  new CoxswainError("network", `a message from a peer is not a chunk: ${what}`, {
    hint: "The peer does not run this version of coxswain, or something in between damages data.",
  });
