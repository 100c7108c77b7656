/**
 * A pause: asked for at any time, in force from the moment that nothing is in flight. Knows what people want, not what is
 * in flight.
 */
import type { StepNumber } from "../../ids.js";
import type { Effect } from "./types.js";

export class Hold {
  #by: string | undefined;
  #asked = false;
  #inForce = false;

  /** Who asked for it, where that is known. */
  get by(): string | undefined {
    return this.#by;
  }

  /** A pause is wanted, in force or not. */
  get asked(): boolean {
    return this.#asked;
  }

  /** Nothing is in flight, and nothing begins. */
  get inForce(): boolean {
    return this.#inForce;
  }

  /** Asking again changes nothing, nor who asked first. */
  ask(by: string | undefined): void {
    if (!this.#asked) this.#by = by;
    this.#asked = true;
  }

  /** Nothing is in flight after this step: a pause that was asked for is in force. */
  settle(step: StepNumber): Effect[] {
    if (!this.#asked || this.#inForce) return [];
    this.#inForce = true;
    return [{ type: "paused", step, by: this.#by }];
  }

  /** One that was not in force yet is forgotten without a word. */
  end(by: string | undefined, step: StepNumber): Effect[] {
    const wasInForce = this.#inForce;
    this.#asked = false;
    this.#inForce = false;
    return wasInForce ? [{ type: "resumed", step, by }] : [];
  }
}
