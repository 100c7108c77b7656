/**
 * Schemas for kubeconform, to validate manifests offline: Kubernetes' own, and those of the chart's custom resources.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/**
 * @param published the folder of a Python package (kubernetes-validate) @param target FOLDER/v1.34.0-strict/job-
 * batch-v1.json …
 */
export function writeKubernetesSchemas(published, version, target) {
  const from = join(published, "kubernetes_validate", "kubernetes-json-schema", `v${version}-local-strict`);
  const to = join(target, `v${version}-strict`);
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const schema = JSON.parse(readFileSync(join(from, name), "utf8"));
    // With their "$id" they would be fetched from the web; without it they are found as files.
    delete schema.$id;
    const text = JSON.stringify(schema).replaceAll('"/api/_definitions.json#', '"_definitions.json#');
    writeFileSync(join(to, name), text);
  }
}

/** @param files CustomResourceDefinitions, as YAML @param target FOLDER/monitoring.coreos.com/podmonitor_v1.json … */
export function writeCustomSchemas(files, target) {
  for (const file of files) {
    const { spec } = parse(readFileSync(file, "utf8"));
    mkdirSync(join(target, spec.group), { recursive: true });
    for (const { name, schema } of spec.versions) {
      const path = join(target, spec.group, `${spec.names.singular}_${name}.json`);
      writeFileSync(path, JSON.stringify(strict(schema.openAPIV3Schema)));
    }
  }
}

/** As the API server does with `--validate=strict`: an unknown field is an error. */
function strict(schema) {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  const closed = typeof schema.properties === "object" && schema.type === "object";
  return closed && schema["x-kubernetes-preserve-unknown-fields"] !== true
    ? { ...inner, additionalProperties: false }
    : inner;
}
