/** The work of `coxswain eval`: measures the model and prints the result. */
import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { loadRun } from "../../config/index.js";
import type { LoadedRun } from "../../config/index.js";
import type { DataFormat } from "../../data/index.js";
import { CoxswainError } from "../../errors.js";
import { evaluateWith } from "../../library/index.js";
import { thisProcess, type AskHost } from "../generate/host.js";
import type { ModelFlags } from "../options/model.js";
import { templateKwargs } from "../options/template-kwargs.js";
import { quietProgress, warn } from "../terminal/quiet-progress.js";
import { evaluationJson, evaluationText } from "./report.js";

export interface EvalFlags extends ModelFlags {
  readonly set: readonly string[];
  readonly model?: string;
  readonly data?: readonly string[];
  readonly format?: "auto" | DataFormat;
  readonly maxLength?: number;
  readonly exactMatch?: true;
  readonly limit?: number;
  readonly maxNewTokens?: number;
  readonly batchSize?: number;
  readonly show?: number;
}

/** @param file the run file, if there is one */
export async function evaluate(file: string | undefined, flags: EvalFlags, host: AskHost = thisProcess): Promise<void> {
  const { json, show: shown = 0, model, adapter, chatTemplate, engine, device, quantization, threads } = flags;
  const { data, format, maxLength, limit, maxNewTokens, batchSize } = flags;
  const run = file === undefined ? undefined : await openRun(file, flags);
  if (run === undefined) checkFlags(flags);
  const chatTemplateKwargs = templateKwargs(flags.chatTemplateKwargs);
  const progress = quietProgress();
  try {
    const evaluation = await evaluateWith(
      {
        ...{ run, model, adapter, chatTemplate, chatTemplateKwargs, engine, device, quantization, threads },
        ...{ data, format, maxLength, limit, maxNewTokens, batchSize },
        exactMatch: flags.exactMatch === true || shown > 0,
        onNote: warn,
        onProgress: (text) => progress.show(text),
      },
      host.openEngine,
    );
    progress.close();
    host.stdout.write(
      json === true
        ? `${JSON.stringify(evaluationJson(evaluation, shown))}\n`
        : evaluationText(evaluation, shown, host.stdout),
    );
  } finally {
    progress.close();
  }
}

async function openRun(file: string, flags: EvalFlags): Promise<LoadedRun> {
  const run = await loadRun(file, flags.set);
  const { config } = run;
  if (flags.adapter === undefined && (flags.data ?? config.data.eval) !== null)
    await mentionAdapter(join(config.output_dir, "adapter"));
  return run;
}

/** Checks the flags of a command without a run file. */
function checkFlags({ model, adapter, data, set }: EvalFlags): void {
  const unknown = model === undefined && adapter === undefined;
  if (unknown || data === undefined) {
    const needed = unknown ? "--model or --adapter" : "--data";
    throw new CoxswainError("usage", `without a run file, ${needed} is needed`, {
      hint: "coxswain eval run.yaml, or coxswain eval --model FOLDER --data eval.jsonl",
    });
  }
  if (set.length > 0) throw new CoxswainError("usage", "--set changes a run file's settings, but none was given");
}

/** Tells users who just trained the adapter that it is not being measured. */
async function mentionAdapter(adapter: string): Promise<void> {
  const there = await stat(join(adapter, "adapter_config.json")).catch(() => undefined);
  if (there === undefined) return;
  const path = relative(process.cwd(), adapter);
  warn(`measuring the base model; for the run's adapter add --adapter ${path}`);
}
