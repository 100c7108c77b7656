/** The browser that `scripts/install-chromium.mjs` fetches, for tests. */
import { chromiumEnvironment, startChromium } from "../../scripts/chromium.mjs";

export { startChromium };
export const haveChromium = chromiumEnvironment() !== null;
/** For the names of skipped tests. */
export const needsChromium = "skipped without Chromium: node scripts/install-chromium.mjs";
