/** CustomResourceDefinitions of the custom resources that the chart creates, from their projects' Go modules. */
import { join } from "node:path";

const published = {
  "github.com/prometheus-operator/prometheus-operator@v0.85.0": [
    "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
  ],
  "github.com/cert-manager/cert-manager@v1.21.2": ["deploy/crds/cert-manager.io_certificates.yaml"],
  "github.com/kedacore/keda/v2@v2.18.1": ["config/crd/bases/keda.sh_scaledobjects.yaml"],
};

/** "MODULE@VERSION" */
export const customResourceModules = Object.keys(published);

/** @param module a GoModule, to fetch with @returns YAML files, one a definition */
export const customResourceDefinitions = (module) =>
  Object.entries(published).flatMap(([name, files]) => {
    const folder = module.folderOf(name);
    return files.map((file) => join(folder, file));
  });
