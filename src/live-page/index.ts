/** The page on which a run can be watched: the public face of `live-page/`. */
export { shownEvent, type Audience } from "./audience.js";
export { LivePage, type LivePageOptions } from "./live-page.js";
export { LiveRecord, type RunPast } from "./record.js";
