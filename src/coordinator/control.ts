/** Handles requests to control a run, over any transport, with the conductor. */
import type { RunControl, RunStatus } from "../control/index.js";
import { CoxswainError } from "../errors.js";
import type { Conductor } from "./conductor.js";
import type { RunFigures } from "./record/figures.js";
import { readStatus } from "./record/run-status.js";
import type { RunFacts } from "./record/run-status.js";

export function createRunControl(conductor: Conductor, figures: RunFigures, facts: RunFacts): RunControl {
  const status = (): RunStatus => readStatus(conductor, figures, facts);
  /** Errors that `act` throws become rejections. */
  const afterwards = (act: () => void): Promise<RunStatus> =>
    new Promise((resolve) => {
      act();
      resolve(status());
    });
  return {
    status,
    watch: (listener) => conductor.watch(listener),
    pause: (by) =>
      afterwards(() => {
        refuseAtTheEnd(conductor, "paused");
        conductor.dispatch({ type: "pause", by });
      }),
    resume: (by) =>
      afterwards(() => {
        refuseAtTheEnd(conductor, "resumed");
        conductor.dispatch({ type: "resume", by });
      }),
    stop: (reason) => afterwards(() => conductor.dispatch({ type: "stop", reason, returning: false })),
    checkpoint: () => {
      const { phase, committed } = conductor.status();
      if (phase !== "ended") return conductor.checkpoint();
      const { newestCheckpoint } = conductor;
      if (newestCheckpoint?.step === committed) return Promise.resolve(newestCheckpoint);
      return Promise.reject(new CoxswainError("cluster", `the run is over, and its step ${committed} is not saved`));
    },
  };
}

/** @throws CoxswainError "cluster" */
function refuseAtTheEnd(conductor: Conductor, what: string): void {
  const { phase, stopping } = conductor.status();
  if (phase !== "stopping" && phase !== "ended") return;
  throw new CoxswainError("cluster", `the run cannot be ${what}: it is ending (${stopping ?? "all steps are done"})`, {
    hint: "Continue a stopped run with `coxswain train --resume` or `coxswain coordinator --resume` (`resume: true` in a program).",
  });
}
