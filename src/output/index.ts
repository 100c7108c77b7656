/**
 * The output folder of a run: whether it may be used, who holds it, and whether there is enough space. The public
 * interface of `output/`.
 */
export { refuseDataFolder } from "./data-folder.js";
export { checkOutputFolder, checkRescueFolder, holdOutputFolder, type HeldFolder, type HoldOptions } from "./hold.js";
export { writeResolved } from "./resolved.js";
export {
  estimateOutput,
  formatBytes,
  freeSpace,
  spaceWarning,
  type OutputEstimate,
  type PlannedOutput,
} from "./space.js";
