/**
 * Builds a Kubernetes control plane for the tests of the chart (`npx vitest run --project kubernetes`): etcd,
 * kube-apiserver, kube-controller-manager, kube-scheduler and kubectl, from the Go modules pinned by
 * `kubernetes/go.mod` and `go.sum`. Takes ten minutes on two cores, 3 GB of Go's caches (which `go clean -cache
 * -modcache` empties), 350 MB of programs.
 *
 *   node scripts/install-kubernetes.mjs        into ~/.cache/coxswain/kubernetes: etcd, …, custom-resources/
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { customResourceDefinitions, customResourceModules } from "./custom-resources.mjs";
import { GoModule } from "./go.mjs";
import { install, sha256 } from "./tool-cache.mjs";

const wrapper = fileURLToPath(new URL("kubernetes", import.meta.url));
const modules = new GoModule(wrapper);

const programs = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
};

/**
 * What a release of Kubernetes has stamped in: helm asks the API server for it, and compares it with what the chart
 * needs.
 */
function stamps() {
  const version = modules.versionOf("k8s.io/kubernetes");
  const [major, minor] = version.slice(1).split(".");
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const places = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];
  const named = places.flatMap((place) => Object.entries(values).map(([name, value]) => [`${place}.${name}`, value]));
  return Object.fromEntries(named);
}

install({
  name: "kubernetes",
  version: [`modules ${sha256(join(wrapper, "go.sum")).slice(0, 12)}`, ...customResourceModules].join(", "),
  programs: Object.keys(programs),
  make: ({ whole }) => {
    for (const [name, module] of Object.entries(programs)) modules.build(module, join(whole, name), stamps());
    const definitions = join(whole, "custom-resources");
    mkdirSync(definitions);
    for (const file of customResourceDefinitions(modules)) copyFileSync(file, join(definitions, basename(file)));
  },
});
