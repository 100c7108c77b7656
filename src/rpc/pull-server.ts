/**
 * The sender's end of streams of pulls (`Worker.Pull`). A stream's next request is read when the answer before has left,
 * so that a caller takes up no more memory than one answer does, whatever it sends. Knows requests, not their meaning.
 */
import { Metadata, status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Chunk } from "../collective/index.js";
import { messageOf } from "../errors.js";
import { sendChunks } from "./bulk.js";
import { directWriter } from "./direct.js";
import { refuse } from "./refuse.js";
import type { PullRequestOutput } from "./types.js";

export type PullCall = ServerDuplexStream<PullRequestOutput, Chunk>;

/** The vector that was asked for, or why there is none. */
export type PullAnswer =
  | {
      /** They are read as they are sent. */
      readonly chunks: Iterable<Chunk>;
      /** Called when they have left, or never will. */
      readonly release: () => void;
    }
  | { readonly refusal: string };

export class PullServer {
  /** Streams on which nothing is being sent. */
  readonly #idle = new Set<PullCall>();
  #closed = false;

  /** Answers a stream's requests, one after another, until it ends. Never rejects. */
  async serve(call: PullCall, answer: (request: PullRequestOutput) => PullAnswer): Promise<void> {
    // The headers, without which nothing can be written directly.
    call.sendMetadata(new Metadata());
    const write = directWriter(call) ?? ((chunk, callback) => call.write(chunk, callback));
    try {
      this.#idle.add(call);
      // Not destroyed at its end: the status is still to be sent.
      for await (const request of call.iterator({ destroyOnReturn: false }) as AsyncIterable<PullRequestOutput>) {
        this.#idle.delete(call);
        await send(call, request.number, answer(request), write);
        if (this.#closed) break;
        this.#idle.add(call);
      }
      call.end();
    } catch (error) {
      // Nobody hears it where the caller is gone.
      refuse(call, status.INTERNAL, messageOf(error));
    } finally {
      this.#idle.delete(call);
    }
  }

  /** Ends all streams: what is being sent is sent to its end. */
  close(): void {
    this.#closed = true;
    for (const call of this.#idle) call.end();
  }
}

type Write = (chunk: Chunk, callback: (error?: Error | null) => void) => boolean;

async function send(call: PullCall, pull: number, answer: PullAnswer, write: Write): Promise<void> {
  if ("refusal" in answer) {
    const { refusal } = answer;
    await sendChunks(call, [{ offset: 0, total: 0, crc32: 0, pull, payload: new Uint8Array(0), refusal }]);
    return;
  }
  try {
    await sendChunks(call, answer.chunks, (chunk, callback) => write({ ...chunk, pull }, callback));
  } finally {
    answer.release();
  }
}
