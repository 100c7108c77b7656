/** The work of `coxswain submit`: reads the run file and sends the run to the queue. */
import { randomUUID } from "node:crypto";
import type { RunConfig } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { loadRun, runNameOf, serializeRun } from "../../config/index.js";
import { checkRunName, natsSettings } from "../options/nats.js";
import { callerName } from "../control/connect.js";
import type { NatsFlags } from "../options/nats.js";

export interface SubmitFlags extends NatsFlags {
  readonly set: readonly string[];
  readonly run?: string;
  /** A file with the seed of an NKey. */
  readonly sign?: string;
}

export async function submit(file: string, flags: SubmitFlags): Promise<void> {
  // Empty environment: the secrets of this machine must not be sent.
  const { config } = await loadRun(file, flags.set, {});
  const run = flags.run === undefined ? runNameOf(config) : await checkRunName(flags.run);
  const { refuseSecrets, sign, submitRun } = await import("../../nats/index.js");
  refuseSecrets(config);
  // A run from the queue uses the NATS server of the queue.
  const data = await withTemplateText(config.data);
  const travels = { ...config, data, telemetry: { ...config.telemetry, nats: null } };
  const submission = {
    id: randomUUID(),
    run,
    submitted_at: new Date().toISOString(),
    submitted_by: callerName(),
    settings: serializeRun(travels),
  };
  const settings = await natsSettings(flags);
  await submitRun(settings, flags.sign === undefined ? submission : await sign(submission, flags.sign));
  process.stdout.write(
    `submitted ${run}; its output will be in ${config.output_dir} on the machine that executes it\n`,
  );
}

/** A template is text where the run is executed: that machine need not have its file, and reads none for a run. */
async function withTemplateText(data: RunConfig["data"]): Promise<RunConfig["data"]> {
  if (data.chat_template === null) return data;
  const { overrideText } = await import("../../data/index.js");
  const text = await overrideText(data.chat_template);
  if (/\{[{%#]/.test(text)) return { ...data, chat_template: text };
  throw new CoxswainError("config", `data.chat_template: ${data.chat_template} is not a Jinja template`, {
    hint: "It has neither {{ }} nor {% %}.",
  });
}
