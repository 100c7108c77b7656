/**
 * What a run would do, without starting it: the same checks and preparations as a start, but no port is opened, and
 * neither the output folder nor quantised weights are written.
 */
import { linearModules } from "../../compute/index.js";
import { parseAddress, refuseExposure, sourcePaths, type RunConfig } from "../../config/index.js";
import { checkSources, DatasetVersions } from "../../data/index.js";
import { hostLimits } from "../../host/index.js";
import { warmupSteps } from "../../optim/index.js";
import { checkOutputFolder, estimateOutput, refuseDataFolder, type OutputEstimate } from "../../output/index.js";
import { checkConnections } from "../../rpc/index.js";
import { readEvents, readMetrics, type StepLine } from "../../telemetry/index.js";
import { listCheckpoints } from "../checkpoints/folder.js";
import { recordedDatasets } from "../record/recorded-datasets.js";
import { batchTokens, type BatchTokens } from "./batch-tokens.js";
import { prepareRun, type PreparedRun } from "./prepare.js";
import { processMemory, type ProcessMemory } from "./process-memory.js";
import { checkMemory, checkWorkers } from "./sizes.js";

export interface RehearsalOptions {
  /** Continue from the newest checkpoint. */
  readonly resume: boolean;
  /** Listen beyond loopback without TLS or a token. */
  readonly insecure: boolean;
  readonly note: (text: string) => void;
  readonly progress: (text: string) => void;
  readonly now: () => Date;
}

export interface Rehearsal {
  readonly prepared: PreparedRun;
  /** Of all steps, also those before a resume. */
  readonly batches: BatchTokens;
  readonly warmupSteps: number;
  readonly memory: ProcessMemory;
  /** Of this machine or container, bytes. */
  readonly machineMemory: number;
  readonly disk: OutputEstimate;
  /** Steps that the resumed run has measured; empty: none. */
  readonly measured: readonly StepLine[];
}

/** @throws CoxswainError as a start of the run would, except for ports that are in use */
export async function rehearseRun(config: RunConfig, options: RehearsalOptions): Promise<Rehearsal> {
  const { resume, insecure, note, progress, now } = options;
  const { output_dir: outputDir, cluster, training } = config;
  const machine = hostLimits();
  refuseDataFolder(outputDir, { train: sourcePaths(config.data.train), eval: sourcePaths(config.data.eval) });
  checkOutputFolder(outputDir, { resume });
  const listen = parseAddress(cluster.listen, { name: "cluster.listen", allowPortZero: true });
  refuseExposure({ listen, tls: cluster.tls !== null, token: cluster.token !== null, insecure }, "cluster.listen");
  await checkConnections(cluster);
  checkWorkers({ memory: machine.memory, workers: config.workers });
  const recorded = resume ? recordedDatasets(readEvents(outputDir)) : [];
  const datasets = new DatasetVersions({ recorded, onProgress: progress, onNote: note });
  await checkSources(config, { datasets });
  const prepared = await prepareRun(config, { resume, datasets, note, progress, now });
  checkMemory(prepared.layout, { memory: machine.memory, workers: config.workers });
  const { plan, layout, train, replica, modelFolder } = prepared;
  const linear = config.quantization === null ? [] : linearModules(modelFolder);
  const quantised = new Set(linear.map(({ path }) => `${path}.weight`));
  return {
    prepared,
    batches: batchTokens(plan, train, training.micro_batch_size),
    warmupSteps: warmupSteps(training, plan.totalSteps),
    memory: processMemory(modelFolder, layout.size, quantised),
    machineMemory: machine.memory,
    disk: estimateOutput({
      parameters: layout.size,
      steps: plan.totalSteps - replica.step,
      saveSteps: training.save_steps,
      keep: training.save_total_limit,
      present: resume ? (await listCheckpoints(outputDir)).length : 0,
    }),
    measured: resume ? readMetrics(outputDir).filter((line): line is StepLine => "loss" in line) : [],
  };
}
