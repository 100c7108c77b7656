/** Names of the metadata that calls carry. */
export const metadataKeys = {
  /** Which run, and which life of its coordinator. */
  run: "coxswain-run",
  worker: "coxswain-worker",
  step: "coxswain-step",
  first: "coxswain-first",
  count: "coxswain-count",
} as const;
