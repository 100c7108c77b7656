/** The widths of the matrix products of a run: they determine whether the number of threads changes bits. */
import { linearModules } from "../../compute/index.js";
import type { RunConfig } from "../../config/index.js";
import type { TokenStore } from "../../data/index.js";
import type { ModelFolder } from "../../model/index.js";
import { sameBitsThreads } from "./threads.js";

interface Run {
  readonly config: RunConfig;
  readonly modelFolder: ModelFolder;
  readonly train: TokenStore;
}

/** @returns the maximum number of threads that gives the bits of one thread; 1 if unknown */
export function sameBitsUpTo({ config, modelFolder, train }: Run): number {
  // TensorFlow's native library has different rules.
  if (config.compute.engine === "tfjs") return 1;
  const modules = linearModules(modelFolder);
  const tokens = fewestRows(config, train.rowCount) * shortestRow(train);
  return sameBitsThreads([
    // The gradient of lora_A has as many columns, and fewer rows.
    ...modules.map(({ inFeatures }) => inFeatures),
    // These are columns of a product with as many rows as the shard has tokens. Up to 16 columns are never cut.
    ...modules.map(({ outFeatures }) => outFeatures).filter((width) => width > tokens),
    ...(config.lora.r > 16 && config.lora.r > tokens ? [config.lora.r] : []),
  ]);
}

/** Of a shard: the last of a global batch, or of an epoch's last batch, may have fewer. */
function fewestRows({ training }: RunConfig, rows: number): number {
  const { global_batch_size: global, micro_batch_size: micro } = training;
  const lastShardOf = (batch: number): number => batch % micro || micro;
  return Math.min(lastShardOf(global), lastShardOf(rows % global || global));
}

/** Tokens. */
function shortestRow(train: TokenStore): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let index = 0; index < train.rowCount; index++) {
    shortest = Math.min(shortest, train.rowLength(index));
  }
  return shortest;
}
