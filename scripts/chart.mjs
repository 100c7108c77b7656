/**
 * Writes what the chart has from elsewhere: the alerts and dashboards of `deploy/`, which helm reads in the chart's folder
 * alone, and its README.md from `values.yaml` (by helm-docs: `node scripts/install-helm.mjs`).
 *
 *   npm run chart
 */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Trouble, run, toolFolder } from "./tool-cache.mjs";

const deploy = fileURLToPath(new URL("../deploy", import.meta.url));
const chart = join(deploy, "helm", "coxswain");
const files = join(chart, "files");

rmSync(files, { recursive: true, force: true });
mkdirSync(join(files, "dashboards"), { recursive: true });
copyFileSync(join(deploy, "prometheus", "alerts.yaml"), join(files, "alerts.yaml"));
for (const name of readdirSync(join(deploy, "grafana")).filter((name) => name.endsWith(".json")))
  copyFileSync(join(deploy, "grafana", name), join(files, "dashboards", name));

try {
  run(join(toolFolder("helm"), "helm-docs"), ["--chart-search-root", chart, "--log-level", "error"]);
} catch (error) {
  if (!(error instanceof Trouble)) throw error;
  console.error(`README.md was not made: ${error.message}; node scripts/install-helm.mjs builds helm-docs`);
  process.exitCode = 1;
}
