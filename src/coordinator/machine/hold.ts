/**
 * A pause: it can be requested at any time and takes effect as soon as nothing is in flight. Tracks the request, not
 * the work in flight.
 */
import type { StepNumber } from "../../ids.js";
import type { Effect } from "./types.js";

export class Hold {
  #by: string | undefined;
  #asked = false;
  #inForce = false;

  /** Who requested the pause, if known. */
  get by(): string | undefined {
    return this.#by;
  }

  /** A pause was requested, whether or not it is in effect. */
  get asked(): boolean {
    return this.#asked;
  }

  /** The pause is in effect: nothing is in flight and nothing begins. */
  get inForce(): boolean {
    return this.#inForce;
  }

  /** Idempotent: a repeated request does not change who requested the pause. */
  ask(by: string | undefined): void {
    if (!this.#asked) this.#by = by;
    this.#asked = true;
  }

  /** Called when nothing is in flight after this step: a requested pause takes effect. */
  settle(step: StepNumber): Effect[] {
    if (!this.#asked || this.#inForce) return [];
    this.#inForce = true;
    return [{ type: "paused", step, by: this.#by }];
  }

  /** Ends the pause; one that was not in effect yet is cancelled without an effect. */
  end(by: string | undefined, step: StepNumber): Effect[] {
    const wasInForce = this.#inForce;
    this.#asked = false;
    this.#inForce = false;
    return wasInForce ? [{ type: "resumed", step, by }] : [];
  }
}
