/** The page on which a run can be watched: the public face of `live-page/`. */
export { shownEvent, type Audience } from "./audience.js";
export { LivePage, type LivePageOptions } from "./live-page.js";
export { observed } from "./observe.js";
export { LiveRecord } from "./record.js";
