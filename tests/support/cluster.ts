/** A coordinator and workers in separate processes, so that each can be stopped, killed and restarted. */
import { join } from "node:path";
import { freePort } from "../../src/chaos/ports.js";
import { CoxswainProcess, temporaryFolder, writeRun } from "./processes.js";
import { quickstartData, quickstartModel } from "./runs.js";

export interface ClusterOptions {
  readonly steps: number;
  readonly training?: object;
  readonly cluster?: object;
  /** Keys of no section. */
  readonly run?: object;
}

/** A run file whose coordinator restarts at the same address. */
export async function clusterRun({ steps, training = {}, cluster = {}, run = {} }: ClusterOptions): Promise<{
  readonly folder: string;
  readonly file: string;
  readonly output: string;
  readonly address: string;
}> {
  const folder = temporaryFolder();
  const address = `127.0.0.1:${await freePort(["127.0.0.1"])}`;
  const file = writeRun(folder, {
    model: quickstartModel,
    output_dir: "out",
    data: { train: join(quickstartData, "train.jsonl"), max_length: 256 },
    lora: { r: 8, lora_dropout: 0.1 },
    training: {
      max_steps: steps,
      global_batch_size: 24,
      micro_batch_size: 2,
      learning_rate: 3e-3,
      warmup_steps: 2,
      save_steps: 1000,
      ...training,
    },
    compute: { threads: 1 },
    cluster: { listen: address, ...cluster },
    telemetry: { http: null },
    ...run,
  });
  return { folder, file, output: join(folder, "out"), address };
}

export const startCoordinator = (file: string, ...args: string[]): CoxswainProcess =>
  new CoxswainProcess(["coordinator", file, ...args]);

export const startWorker = (address: string, ...args: string[]): CoxswainProcess =>
  new CoxswainProcess(["worker", "--coordinator", address, ...args]);

/** Resolves when the coordinator has reported the commit of this step. */
export const untilStep = (coordinator: CoxswainProcess, step: number): Promise<RegExpMatchArray> =>
  coordinator.until(new RegExp(`\\bstep +${step}/`));
