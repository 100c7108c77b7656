/**
 * The sender's side of pull streams (`Worker.Pull`). A stream's next request is read when the previous answer has been
 * sent, so that a caller never uses more memory than one answer takes. Does not interpret requests.
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

/** The requested vector, or the reason for a refusal. */
export type PullAnswer =
  | {
      /** Read lazily, as they are sent. */
      readonly chunks: Iterable<Chunk>;
      /** Called when they have been sent, or never will be. */
      readonly release: () => void;
    }
  | { readonly refusal: string };

export class PullServer {
  /** Idle streams. */
  readonly #idle = new Set<PullCall>();
  #closed = false;

  /** Answers a stream's requests, one after another, until it ends. Never rejects. */
  async serve(call: PullCall, answer: (request: PullRequestOutput) => PullAnswer): Promise<void> {
    // Sends the headers, which direct writes require.
    call.sendMetadata(new Metadata());
    const write = directWriter(call) ?? ((chunk, callback) => call.write(chunk, callback));
    try {
      this.#idle.add(call);
      // Not destroyed at its end: the status has yet to be sent.
      for await (const request of call.iterator({ destroyOnReturn: false }) as AsyncIterable<PullRequestOutput>) {
        this.#idle.delete(call);
        await send(call, request.number, answer(request), write);
        if (this.#closed) break;
        this.#idle.add(call);
      }
      call.end();
    } catch (error) {
      // Has no effect if the caller is gone.
      refuse(call, status.INTERNAL, messageOf(error));
    } finally {
      this.#idle.delete(call);
    }
  }

  /** Ends all streams once their current answers are sent. */
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
