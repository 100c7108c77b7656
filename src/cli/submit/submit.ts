/** The work of `coxswain submit`: reads the run as it would be started here, and sends it. */
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
  // What is secret in the environment is this machine's own.
  const { config } = await loadRun(file, flags.set, {});
  const run = flags.run === undefined ? runNameOf(config) : await checkRunName(flags.run);
  const { refuseSecrets, submitRun } = await import("../../nats/index.js");
  refuseSecrets(config);
  // The queue's server is where a served run reports to.
  const travels = { ...config, telemetry: { ...config.telemetry, nats: null } };
  await submitRun(await natsSettings(flags), {
    id: randomUUID(),
    run,
    submitted_at: new Date().toISOString(),
    submitted_by: callerName(),
    settings: serializeRun(travels),
  });
  process.stdout.write(`submitted ${run}; its output will be in ${config.output_dir} where it is served\n`);
}
