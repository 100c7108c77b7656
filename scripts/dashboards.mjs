/**
 * Writes `deploy/grafana/*.json` from the sources in `deploy/grafana/src/`. A test fails while they are out of date.
 *
 *   npm run dashboards
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTypescript } from "./load-typescript.mjs";

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "deploy", "grafana");

const { dashboardFiles } = await loadTypescript(join(folder, "src", "index.ts"));

for (const [name, text] of dashboardFiles()) {
  writeFileSync(join(folder, name), text);
  console.log(join("deploy", "grafana", name));
}
