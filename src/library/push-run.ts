/** Finds the finished run that is to be published, and its adapter. */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CoxswainError } from "../errors.js";

/** @param run an output folder, its adapter, or a run file */
export async function outputFolderOf(run: string): Promise<string> {
  const path = resolve(run);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new CoxswainError("config", `${run}: no such file or folder`, {
      hint: "Give the output folder of a finished run, such as runs/my-run.",
    });
  }
  if (!found.isDirectory()) return (await (await import("../config/index.js")).loadRun(path)).config.output_dir;
  const parent = dirname(path);
  const isAdapter = basename(path) === "adapter" && (await stat(join(parent, "events.jsonl")).catch(() => undefined));
  return isAdapter === false || isAdapter === undefined ? path : parent;
}

/** The folder of a finished run's adapter. @throws CoxswainError "config" for any other run */
export function finishedAdapter(
  folder: string,
  summary: { state: string; step: number; total_steps: number | null; adapter: string | null } | undefined,
): string {
  if (summary === undefined) {
    throw new CoxswainError("config", `${folder} is not the output folder of a run: it has no events.jsonl`, {
      hint: "Give the output folder of a finished run, such as runs/my-run.",
    });
  }
  const { state, step, total_steps: total, adapter } = summary;
  if (state !== "completed") {
    const of = total === null ? "" : ` of ${total}`;
    const what =
      state === "running" ? "is still running" : `is not finished: it ${state === "failed" ? state : `was ${state}`}`;
    throw new CoxswainError("config", `the run in ${folder} ${what} at step ${step}${of}`, {
      hint:
        state === "running"
          ? "Wait until it is done, or end it early with `coxswain stop`."
          : "Continue it with `coxswain train RUN.yaml --resume`.",
    });
  }
  if (adapter !== null) return adapter;
  throw new CoxswainError("config", `the run in ${folder} is finished, but its adapter is gone`, {
    hint: "Continue it with --resume: the adapter is written again from the last checkpoint.",
  });
}
