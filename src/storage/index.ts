/** Coxswain's cache, folders that are complete or absent, and file system errors as messages for users. */
export {
  checkNamedCache,
  cacheFolderIfAny,
  cachesFolder,
  defaultCacheFolder,
  homeFolder,
  inCache,
  type Environment,
} from "./cache.js";
export {
  createFolder,
  flushFolder,
  flushTree,
  isFilledFolder,
  removeLeftovers,
  replaceFolder,
  setAside,
  takeOver,
  temporaryName,
  type RemoveLeftoversOptions,
} from "./durable.js";
export { fileHash, hashContent, type FileHashOptions } from "./file-hash.js";
export { storageTrouble } from "./trouble.js";
export { writeWhole } from "./write-whole.js";
