/** A sweep as its page shows it, in bounded memory: everything, or what has changed. */
import type { Curve } from "../../history/index.js";
import type { Audience } from "../../live-page/index.js";
import type { Sweep } from "../load.js";
import type { SweepStatus } from "../status.js";
import { shownSweep, shownTrial, type SweepEnd } from "./audience.js";
import { trialsDrawn } from "./choose.js";
import { TrialCurves } from "./curves.js";
import type { ShownTrial, SweepSnapshot, SweepUpdate } from "./messages.js";

export interface SweepRecordOptions {
  readonly sweep: Pick<Sweep, "base">;
  readonly audience: Audience;
  /** Training losses that a trial has recorded; must not be rejected. */
  readonly past: (trial: number) => Promise<Curve>;
  readonly status: () => SweepStatus;
}

export class SweepRecord {
  readonly #options: SweepRecordOptions;
  readonly #curves: TrialCurves;
  /** The newest loss of every trial that was trained since the sweep was started. */
  readonly #losses = new Map<number, number>();
  /** What updates have told, as JSON. */
  readonly #toldTrials = new Map<number, string>();
  #toldStatus = "";
  #changed = true;
  #end: SweepEnd | undefined;

  constructor(options: SweepRecordOptions) {
    this.#options = options;
    this.#curves = new TrialCurves(options.past);
  }

  /** The state of a trial or the number of workers has changed. */
  change(): void {
    this.#changed = true;
  }

  step(trial: number, step: number, loss: number): void {
    if (Number.isFinite(loss)) this.#losses.set(trial, loss);
    this.#curves.step(trial, step, loss);
    this.#changed = true;
  }

  finish(end: SweepEnd): void {
    this.#end = end;
    this.#changed = true;
  }

  snapshot(): SweepSnapshot {
    const { status, trials } = this.#read();
    return { status, trials, curves: this.#curves.curves };
  }

  /** The changes since the last call; undefined if there are none and `always` is not set. */
  takeUpdate(always: boolean): SweepUpdate | undefined {
    const tails = this.#curves.takeTails();
    if (!this.#changed && tails.length === 0 && !always) return undefined;
    this.#changed = false;
    const { status, trials } = this.#read();
    const changed = trials.filter((trial) => {
      const text = JSON.stringify(trial);
      if (this.#toldTrials.get(trial.trial) === text) return false;
      this.#toldTrials.set(trial.trial, text);
      return true;
    });
    const text = JSON.stringify(status);
    if (text === this.#toldStatus && changed.length === 0 && tails.length === 0 && !always) return undefined;
    this.#toldStatus = text;
    return {
      status,
      drawn: this.#curves.drawn,
      ...(changed.length === 0 ? {} : { trials: changed }),
      ...(tails.length === 0 ? {} : { tails }),
    };
  }

  #read(): { readonly status: SweepSnapshot["status"]; readonly trials: readonly ShownTrial[] } {
    const { sweep, audience } = this.#options;
    const status = this.#options.status();
    this.#curves.follow(trialsDrawn(status));
    return {
      status: shownSweep(status, sweep, this.#end),
      trials: status.trials.map((trial) => shownTrial(trial, audience, this.#losses.get(trial.trial))),
    };
  }
}
