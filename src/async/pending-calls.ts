/** Calls to another thread that wait for their answers, by number. Independent of what carries them. */

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: unknown) => void;
}

export class PendingCalls {
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  /** Why calls can no longer be answered. */
  #ended: Error | null = null;

  /** Calls without an answer. */
  get size(): number {
    return this.#waiting.size;
  }

  /**
   * @param send sends the call with its number
   * @returns the answer, of the type that `answer` is given for this number
   */
  call<Answer>(send: (id: number) => void): Promise<Answer> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      send(id);
    });
  }

  answer(id: number, answer: unknown): void {
    this.#take(id)?.resolve(answer as never);
  }

  fail(id: number, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  /** Fails the calls that wait, and all later ones, for the first reason that is given. */
  end(why: Error): void {
    this.#ended ??= why;
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
    this.#waiting.clear();
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }
}
