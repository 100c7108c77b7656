/** The run file and addresses: the public interface of `config/`. */
export {
  addressProblem,
  formatAddress,
  isEveryInterface,
  isLoopback,
  parseAddress,
  parseHost,
  reachableHost,
  refuseExposure,
  type Address,
  type AddressOptions,
  type Exposure,
} from "./address.js";
export { defaultAddresses, devices, engines, exampleKeys, floatTypes } from "./choices.js";
export { withNumber } from "./edit.js";
export { runJsonSchemaText } from "./json-schema.js";
export { loadRun, loadRunObject, parseRun, readYamlFile, type LoadedRun } from "./load.js";
export { valueOverrides } from "./plain-values.js";
export { runNames, type RunNames } from "./names.js";
export {
  defaultRunName,
  natsProblems,
  runNameOf,
  runNameProblem,
  serverUrls,
  type NatsConfig,
  type NatsConnectionSettings,
} from "./nats.js";
export type { FlagOverride, Override } from "./overrides.js";
export {
  dataFormats,
  runSchema,
  schedulerTypes,
  type DataConfig,
  type RunConfig,
  type RunConfigInput,
  type TrainingConfig,
} from "./schema.js";
export { isDatasetId } from "./paths.js";
export type { SourceConfig, SourcesConfig } from "./schema/source.js";
export { runPaths, sourcePaths, type RunPath } from "./run-paths.js";
export { isResolvedFile, readResolved, resolvedFile, resolvedPath } from "./resolved.js";
export { serializeRun, withDecimalPoints } from "./serialize.js";
export { reservedNameProblem } from "./template-names.js";
export { takesWholeNumbers } from "./keys.js";
export { toConfigError, type Problem } from "./problems.js";
export { readSource, type Source } from "./source.js";
export { keyLike } from "./unknown-key.js";
export { valueAt } from "./validate.js";
export { workerSchema, type WorkerConfig } from "./worker-config.js";
export { tokenProblem } from "./token.js";
