/** Pages for watching what goes on: the public interface of `live-page/`. */
export { shownEvent, type Audience } from "./audience.js";
export { earlierRun, valueSeries, type ValuePoint } from "./earlier.js";
export { LivePage, type LivePageOptions } from "./live-page.js";
export type { Tail } from "./messages.js";
export { LiveRecord, type RunPast } from "./record.js";
export type { Series } from "./series.js";
export { servedPages } from "./served-pages.js";
export { LiveStream } from "./stream.js";
