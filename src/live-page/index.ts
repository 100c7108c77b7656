/** The page for watching a run: the public interface of `live-page/`. */
export { shownEvent, type Audience } from "./audience.js";
export { LivePage, type LivePageOptions } from "./live-page.js";
export { LiveRecord, type RunPast } from "./record.js";
