/**
 * Downloads Prometheus and promtool, with which tests run every panel's query and every alert. They are extracted from
 * Debian's `prometheus` package; nothing is installed, no service is started, and root is not needed.
 *
 *   node scripts/install-prometheus.mjs        into ~/.cache/coxswain/prometheus
 */
import { join } from "node:path";
import { take, unpackPackages } from "./debian.mjs";
import { install } from "./tool-cache.mjs";

const programs = ["prometheus", "promtool"];

install({
  name: "prometheus",
  version: "prometheus of Debian",
  programs,
  make: ({ scratch, whole }) => {
    const { folder, versions: packages } = unpackPackages(["prometheus"], scratch);
    take(
      folder,
      programs.map((program) => [join("usr", "bin", program), program]),
      whole,
    );
    return { packages };
  },
});
