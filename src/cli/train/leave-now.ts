/** Ends the process of a run immediately, and prints where `--resume` will start. */
import type { RunConfig } from "../../config/index.js";
import { newestSavedStep } from "../../library/index.js";
import type { Interrupt } from "../process/interruption.js";
import { kill } from "../process/kill.js";

export interface Leaving extends Interrupt {
  /** Processes to end. */
  readonly pids: readonly number[];
  readonly config: Pick<RunConfig, "output_dir">;
  readonly say: (text: string) => void;
}

/** At the third request, it exits without printing. */
export async function leaveNow({ times, cause, pids, config, say }: Leaving): Promise<void> {
  for (const pid of pids) kill(pid);
  if (times > 2) process.exit(130);
  say(`stopped immediately (${cause}): ${resumePoint(await newestSavedStep(config.output_dir))}`);
  process.exit(130);
}

/** Pure. */
export const resumePoint = (step: number | undefined): string =>
  step === undefined
    ? "nothing is saved; --resume starts at step 0"
    : `--resume continues after step ${step}, the newest checkpoint`;
