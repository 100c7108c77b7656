/**
 * Fetches Prometheus and promtool: with them the tests run every panel's query and every alert. They come out of Debian's
 * `prometheus` package; nothing is installed, no service is started, and nothing needs root.
 *
 *   node scripts/install-prometheus.mjs [FOLDER]     by default ~/.cache/coxswain/prometheus
 *
 * Does nothing where the folder is whole. Ends with 1 and says why where the package cannot be had.
 */
import { join } from "node:path";
import { provide, take, unpackPackages } from "./debian.mjs";

const programs = ["prometheus", "promtool"];

provide({
  name: "prometheus",
  what: "Prometheus",
  files: programs,
  fill: ({ scratch, whole }) => {
    const { folder, versions } = unpackPackages(["prometheus"], scratch);
    take(
      folder,
      programs.map((program) => [join("usr", "bin", program), program]),
      whole,
    );
    return { versions, environment: {} };
  },
});
