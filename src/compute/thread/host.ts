/** The compute thread's side: holds one loaded model and answers calls one after another. */
import { CoxswainError } from "../../errors.js";
import { packError } from "../../packed-error.js";
import type { Decoder, Engine, EngineName, Trainable } from "../engine.js";
import type { Calls, Reply, Request } from "./messages.js";

export class ComputeHost {
  readonly #engineOf: (name: EngineName) => Engine;
  readonly #decoders = new Map<number, Decoder>();
  #trainable: Trainable | null = null;
  /** The runtime cannot use shared memory: vectors are copied through this buffer. */
  #vector = new Float32Array();
  #nextDecoder = 0;
  #previous: Promise<unknown> = Promise.resolve();

  constructor(engineOf: (name: EngineName) => Engine) {
    this.#engineOf = engineOf;
  }

  /** Answers a request after the previous ones. Never rejects. */
  answer(request: Request): Promise<Reply> {
    const { id } = request;
    const reply = this.#previous
      .then(() => this.#call(request))
      .then(
        (answer): Reply => ({ id, answer }),
        (error: unknown): Reply => ({ id, error: packError(error) }),
      );
    this.#previous = reply;
    return reply;
  }

  async #call(request: Request): Promise<Calls[keyof Calls]["answer"]> {
    switch (request.name) {
      case "load":
        return this.#load(request.sent);
      case "setParameters":
        this.#vector.set(new Float32Array(request.sent.flat));
        await this.#loaded().setParameters(this.#vector);
        return null;
      case "gradients": {
        const { batch, into, dropout } = request.sent;
        const sum = await this.#loaded().gradients(batch, this.#vector, dropout ?? undefined);
        new Float32Array(into).set(this.#vector);
        return sum;
      }
      case "loss":
        return this.#loaded().loss(request.sent.batch);
      case "openDecoder":
        this.#decoders.set(this.#nextDecoder, await this.#loaded().decoder(request.sent.rows));
        return this.#nextDecoder++;
      case "feed": {
        const { decoder, inputIds, valid, length } = request.sent;
        return this.#decoder(decoder).feed(inputIds, valid, length);
      }
      case "closeDecoder":
        await this.#decoder(request.sent.decoder).close();
        this.#decoders.delete(request.sent.decoder);
        return null;
      case "dispose":
        await this.#dispose();
        return null;
    }
  }

  async #load({ engine, model, lora, options }: Calls["load"]["sent"]): Promise<Calls["load"]["answer"]> {
    this.#trainable = await this.#engineOf(engine).load(model, lora, options);
    this.#vector = new Float32Array(this.#trainable.layout.size);
    const { layout, backend } = this.#trainable;
    return { layout, backend };
  }

  async #dispose(): Promise<void> {
    for (const decoder of this.#decoders.values()) await decoder.close();
    this.#decoders.clear();
    await this.#trainable?.dispose();
    this.#trainable = null;
  }

  #loaded(): Trainable {
    if (this.#trainable === null) throw new CoxswainError("bug", "the compute thread has no model loaded");
    return this.#trainable;
  }

  #decoder(number: number): Decoder {
    const decoder = this.#decoders.get(number);
    if (decoder === undefined) throw new CoxswainError("bug", "a decoder was used after it was closed");
    return decoder;
  }
}
