/** The work of `coxswain submit`: reads the run file and sends the run to the queue. */
import { randomUUID } from "node:crypto";
import { loadRun, runNameOf, serializeRun } from "../../config/index.js";
import { checkRunName, natsSettings } from "../options/nats.js";
import { callerName } from "../control/connect.js";
import type { NatsFlags } from "../options/nats.js";

export interface SubmitFlags extends NatsFlags {
  readonly set: readonly string[];
  readonly run?: string;
}

export async function submit(file: string, flags: SubmitFlags): Promise<void> {
  // Empty environment: the secrets of this machine must not be sent.
  const { config } = await loadRun(file, flags.set, {});
  const run = flags.run === undefined ? runNameOf(config) : await checkRunName(flags.run);
  const { refuseSecrets, submitRun } = await import("../../nats/index.js");
  refuseSecrets(config);
  // A run from the queue uses the NATS server of the queue.
  const travels = { ...config, telemetry: { ...config.telemetry, nats: null } };
  await submitRun(await natsSettings(flags), {
    id: randomUUID(),
    run,
    submitted_at: new Date().toISOString(),
    submitted_by: callerName(),
    settings: serializeRun(travels),
  });
  process.stdout.write(
    `submitted ${run}; its output will be in ${config.output_dir} on the machine that executes it\n`,
  );
}
