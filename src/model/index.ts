/** Model folders, safetensors files, LoRA layouts and PEFT adapters. */
export type { ModelFolder, TensorLocation, TensorType } from "./folder.js";
export { openModelFolder, type OpenModelFolderOptions } from "./open-folder.js";
export { readSafetensorsHeader, type SafetensorsHeader, type TensorEntry } from "./safetensors.js";
export { bfloat16Bits, float16Bits } from "./float-convert.js";
export { readBytes, readFloatRange, readTensor } from "./read-tensor.js";
export { storesInputsFirst, withTransformersNames } from "./gpt2-weights.js";
export { bytesPerElement, elementCount } from "./tensor-type.js";
export { floatTensor, writeSafetensors, type TensorSource } from "./safetensors-write.js";
export { initialParameters } from "./lora-init.js";
export {
  adapterTensors,
  flattenAdapter,
  peftKey,
  readAdapter,
  readAdapterOrigin,
  completeAdapter,
  writeAdapter,
  writeAdapterFiles,
  type Adapter,
  type AdapterTensor,
  type TrainedAdapter,
  type TrainingFacts,
} from "./adapter.js";
export {
  loraLayout,
  loraScale,
  loraSettings,
  type LinearModule,
  type LoraLayout,
  type LoraSettings,
  type LoraTensor,
} from "./lora.js";
export { baseModelRecord, otherBaseNote, type AdapterOrigin, type BaseModelRecord } from "./base-record.js";
export { layoutFingerprint } from "./fingerprint.js";
export { noSuchFolder } from "./local-name.js";
export { resolveBase } from "./resolve-base.js";
export { resolveModel, type ResolveModelOptions } from "./resolve.js";
export { modelManifest, type ManifestOptions, type ModelFile, type ModelManifest } from "./manifest.js";
export { cachedModel, modelCacheFolder, receiveModel } from "./receive.js";
export { mergeAdapter, type MergeOptions, type MergeReport, type MergeType } from "./merge.js";
export type { RoundingCost } from "./merge-rounding.js";
export { nf4Model, type Nf4Model, type Nf4Selection, type Nf4Weight, type Quantization } from "./nf4/store.js";
export { dynamicValues, nf4Values } from "./nf4/codes.js";
export { dequantized, readPacked, type PackedWeight } from "./nf4/packed.js";
export { blockSize } from "./nf4/quantize.js";
export { headName } from "./own-head.js";
export { publishedFiles, type PublishedFiles, type PublishedFilesOptions } from "./published-files.js";
export type { TrainingReport } from "./training-report.js";
