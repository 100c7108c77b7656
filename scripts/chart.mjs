/**
 * Writes the generated parts of the chart: copies of the alerts and dashboards of `deploy/`, since helm reads only the
 * chart's folder, and README.md from `values.yaml` (by helm-docs: `node scripts/install-helm.mjs`).
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
  console.error(`README.md was not generated: ${error.message}; run node scripts/install-helm.mjs to build helm-docs`);
  process.exitCode = 1;
}
