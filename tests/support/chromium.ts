/** The browser that `scripts/install-chromium.mjs` fetches, driven by playwright. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";

const folder = join(homedir(), ".cache", "coxswain", "chromium");

/** What the process needs from its start; null where the browser is not installed. */
function environment(): Record<string, string> | null {
  try {
    const about = readFileSync(join(folder, "about.json"), "utf8");
    return (JSON.parse(about) as { environment: Record<string, string> }).environment;
  } catch {
    return null;
  }
}

export const haveChromium = environment() !== null;
/** For the names of tests that are skipped where it is not. */
export const needsChromium = "skipped without Chromium: node scripts/install-chromium.mjs";

export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: join(folder, "usr", "lib", "chromium", "chromium"),
    // Its sandbox needs rights that a container does not give, and the pages are ours.
    args: ["--no-sandbox", "--disable-gpu"],
    env: { ...process.env, ...environment() },
  });
