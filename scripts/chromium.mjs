/** The browser that `scripts/install-chromium.mjs` fetches, driven by playwright. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { toolFolder } from "./tool-cache.mjs";

const folder = toolFolder("chromium");

export function chromiumEnvironment() {
  try {
    return JSON.parse(readFileSync(join(folder, "about.json"), "utf8")).environment;
  } catch {
    return null;
  }
}

export const startChromium = () =>
  chromium.launch({
    executablePath: join(folder, "usr", "lib", "chromium", "chromium"),
    // The sandbox needs privileges that containers lack, and the pages are trusted.
    args: ["--no-sandbox", "--disable-gpu"],
    env: { ...process.env, ...chromiumEnvironment() },
  });
