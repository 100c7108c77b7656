/** The states of a trial, in the order of tables: those that go on first, then the better ones. Pure, for browsers too. */
export const trialStates = [
  "training",
  "starting",
  "completed",
  "paused",
  "waiting",
  "pruned",
  "stopped",
  "failed",
  "diverged",
] as const;

/**
 * waiting: to be trained. starting: its data is being read, or it has no worker yet. training. paused: has reached its
 * rung, which is not decided yet. pruned: others were better. completed. diverged. failed. stopped: by somebody.
 */
export type TrialState = (typeof trialStates)[number];
