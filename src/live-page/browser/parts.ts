/** What pages of other folders are built from. Runs in the browser: `live-page/index.ts` is the server's side. */
export { Chart } from "./charts.js";
export { controlCurves } from "./curve-controls.js";
export { element, replaceChildren, setText } from "./dom.js";
export { follow } from "./feed.js";
export { clock, count, figure } from "./format.js";
