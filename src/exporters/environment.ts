/** The environment of the user's command: what run it is, and none of the run's secrets. Pure. */
const secrets = ["COXSWAIN_TOKEN", "COXSWAIN_NATS_TOKEN", "COXSWAIN_NATS_PASSWORD"];

export interface CommandFacts {
  readonly run: string;
  readonly model: string;
  readonly outputDir: string;
  /** The step that the run continues from; 0 at the beginning. */
  readonly step: number;
}

export function commandEnvironment(
  base: NodeJS.ProcessEnv,
  { run, model, outputDir, step }: CommandFacts,
): NodeJS.ProcessEnv {
  const kept = Object.entries(base).filter(([name]) => !secrets.includes(name));
  return {
    ...Object.fromEntries(kept),
    COXSWAIN_RUN: run,
    COXSWAIN_MODEL: model,
    COXSWAIN_OUTPUT_DIR: outputDir,
    COXSWAIN_START_STEP: String(step),
  };
}
