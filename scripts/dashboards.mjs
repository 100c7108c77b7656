/**
 * Writes `deploy/grafana/*.json` from the sources in `deploy/grafana/src/`. A test fails while they are out of date.
 *
 *   npm run dashboards
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "deploy", "grafana");

const bundle = await rolldown({ input: join(folder, "src", "index.ts"), platform: "node", logLevel: "warn" });
const { output } = await bundle.generate({ format: "esm" });
await bundle.close();
const { dashboardFiles } = await import(
  `data:text/javascript;base64,${Buffer.from(output[0].code).toString("base64")}`
);

for (const [name, text] of dashboardFiles()) {
  writeFileSync(join(folder, name), text);
  console.log(join("deploy", "grafana", name));
}
