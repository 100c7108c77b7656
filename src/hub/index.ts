/** The Hugging Face hub: names, this machine's cache of it, downloads that resume. Does not know what files mean. */
export { hubAccess, isOffline, type HubAccess, type HubAccessOptions } from "./access.js";
export {
  cachedCommit,
  huggingFaceCacheFolder,
  huggingFaceRepository,
  parseHubName,
  snapshotFolder,
  writeRef,
  type HubName,
} from "./cache.js";
export { downloadHubFile } from "./download.js";
export { listHubFiles, resolveCommit, type HubFile } from "./listing.js";
export { hubTrouble } from "./trouble.js";
export {
  datasetFiles,
  type DatasetFiles,
  type DatasetFilesOptions,
  type DatasetName,
} from "./dataset/dataset-files.js";
export { progressCounter, type ProgressListener } from "./progress.js";
export type { DatasetVersion } from "./dataset/version.js";
export { publish, type Published, type PublishRequest } from "./publish.js";
export { noToken } from "./publish-trouble.js";
