/**
 * The chart as the tools of its trade judge it: every example renders to manifests that Kubernetes and the operators know,
 * its own tests pass, and what it says is what the program and the other files of `deploy/` say.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createProgram } from "../../../src/cli/program.js";
import { parseRun } from "../../../src/config/index.js";
import { CoxswainError } from "../../../src/errors.js";
import type { ErrorCode } from "../../../src/errors.js";
import { chart, examples, helmFolder, render, renderText, tool, whyNoHelm } from "../../support/helm.js";
import type { Manifest } from "../../support/helm.js";
import { projectFolder, temporaryFolder } from "../../support/processes.js";

interface Container {
  readonly args: readonly string[];
}

interface Workload extends Manifest {
  readonly spec: {
    readonly template: {
      readonly metadata: { readonly annotations: Record<string, string> };
      readonly spec: { readonly containers: readonly Container[] };
    };
    readonly podFailurePolicy?: {
      readonly rules: readonly {
        readonly action: string;
        readonly onExitCodes?: { readonly values: readonly number[] };
      }[];
    };
  };
}

const valuesOf = (example: string): string[] => ["--values", join(chart, "examples", example)];
const workloads = (manifests: readonly Manifest[]): Workload[] =>
  manifests.filter(({ kind }) => ["StatefulSet", "Job", "Deployment"].includes(kind)) as Workload[];
const named = (manifests: readonly Manifest[], kind: string): Workload =>
  manifests.find((manifest) => manifest.kind === kind) as Workload;

describe.skipIf(whyNoHelm !== "")(`the chart${whyNoHelm}`, () => {
  it.each(examples)("%s: passes helm lint", (example) => {
    const { status, stdout } = tool("helm", ["lint", "--strict", chart, ...valuesOf(example)]);
    expect(stdout).toContain("0 chart(s) failed");
    expect(status, stdout).toBe(0);
  });

  const schemas = join(helmFolder, "schemas");
  /** @param texts manifests, by the name of a file */
  const judge = (texts: Readonly<Record<string, string>>, version: string) => {
    const folder = temporaryFolder();
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
    return tool("kubeconform", [
      ...["-strict", "-summary", "-kubernetes-version", version],
      ...["-schema-location", `${schemas}/v${version}-strict/{{.ResourceKind}}{{.KindSuffix}}.json`],
      ...["-schema-location", `${schemas}/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`],
      folder,
    ]);
  };

  // The oldest version that Chart.yaml names, and the newest that it was tried with.
  it.each(["1.29.0", "1.34.0"])("every manifest is valid for Kubernetes %s and the operators", (version) => {
    const render = (example: string): string => renderText([...valuesOf(example), "--kube-version", version]);
    const { status, stdout } = judge(Object.fromEntries(examples.map((name) => [name, render(name)])), version);
    expect(status, stdout).toBe(0);
    expect(stdout).toMatch(/Valid: [3-9]\d, Invalid: 0, Errors: 0, Skipped: 0/);
  });

  it("an unknown field is detected", () => {
    const text = renderText(valuesOf("gpu.yaml"));
    const wrong = text.replace("podMetricsEndpoints:", "podMetricsEndpointz:").replace("completions:", "completionz:");
    const { stdout } = judge({ "wrong.yaml": wrong }, "1.34.0");
    for (const field of ["podMetricsEndpointz", "completionz"]) expect(stdout).toContain(field);
  });

  it("passes its own tests", () => {
    const { status, stdout } = tool("helm-unittest", ["--strict", chart]);
    expect(status, stdout).toBe(0);
    expect(stdout).toMatch(/Tests: +[1-9]\d+ passed, [1-9]\d+ total/);
  });

  it("passes valid options and run files to the program", () => {
    const program = createProgram();
    for (const example of examples) {
      const manifests = render(valuesOf(example));
      for (const { spec } of workloads(manifests)) {
        const [command, ...words] = spec.template.spec.containers[0]!.args;
        const known = program.commands.find((each) => each.name() === command)!;
        for (const [flag] of words.filter((word) => word.startsWith("--")).map((word) => word.split("=")))
          expect(
            known.options.some(({ long }) => long === flag),
            `${command!} ${flag!}`,
          ).toBe(true);
        const sets = words.flatMap((word) => (word.startsWith("--set=") ? [word.slice("--set=".length)] : []));
        if (command !== "coordinator") continue;
        const text = (
          manifests.find(({ metadata }) => metadata.name === "demo-coxswain-run") as Manifest & {
            data: Record<string, string>;
          }
        ).data["run.yaml"]!;
        expect(() => parseRun(text, "run.yaml", sets)).not.toThrow();
      }
    }
  });

  it("accepts an existing run file and its data unchanged", () => {
    const quickstart = join(projectFolder, "examples", "quickstart");
    const files = { run: "run.yaml", "data.files.eval\\.jsonl": join("data", "eval.jsonl") };
    const words = Object.entries(files).flatMap(([value, file]) => [
      "--set-file",
      `${value}=${join(quickstart, file)}`,
    ]);
    const texts = render(words).flatMap(({ kind, data }) =>
      kind === "ConfigMap" ? Object.entries(data as object) : [],
    );
    const read = (file: string): string => readFileSync(join(quickstart, file), "utf8");
    expect(new Map(texts)).toEqual(
      new Map([
        ["run.yaml", read("run.yaml")],
        ["eval.jsonl", read("data/eval.jsonl")],
      ]),
    );
  });

  it("distinguishes failures by the program's exit codes", () => {
    const code = (kind: ErrorCode): number => new CoxswainError(kind, "").exitCode;
    const { rules } = named(render(valuesOf("quickstart.yaml")), "Job").spec.podFailurePolicy!;
    const valuesFor = (action: string): readonly number[] =>
      rules.filter((rule) => rule.action === action).flatMap(({ onExitCodes }) => onExitCodes?.values ?? []);
    expect(valuesFor("Ignore")).toEqual([code("interrupted")]);
    expect(valuesFor("FailJob")).toEqual([code("config"), code("data"), code("model")]);
  });

  it("restarts the coordinator for a changed run file, but not the workers", () => {
    const [before, after] = [[], ["--set", "run.training.max_steps=251"]].map((more) =>
      render([...valuesOf("quickstart.yaml"), "--set", "auth.token=t", ...more]),
    ) as [Manifest[], Manifest[]];
    const template = (manifests: Manifest[], kind: string) => named(manifests, kind).spec.template;
    expect(template(after, "StatefulSet")).not.toEqual(template(before, "StatefulSet"));
    expect(named(after, "Job")).toEqual(named(before, "Job"));
  });

  it("scales a Job's workers in place, and replaces the Job to change their pods", () => {
    const name = (...more: string[]): string =>
      named(render([...valuesOf("quickstart.yaml"), ...more]), "Job").metadata.name;
    expect(name("--set", "worker.count=9")).toBe(name());
    expect(name("--set", "image.tag=other")).not.toBe(name());
  });

  it("has a README generated from its values", () => {
    const { stdout } = tool("helm-docs", ["--dry-run", "--chart-search-root", chart, "--log-level", "error"]);
    expect(readFileSync(join(chart, "README.md"), "utf8").trim()).toBe(stdout.trim());
  });
});

describe("the chart's copies of files in deploy/", () => {
  const read = (...path: string[]): string => readFileSync(join(projectFolder, "deploy", ...path), "utf8");

  it("are equal: alerts", () => {
    expect(read("helm", "coxswain", "files", "alerts.yaml")).toBe(read("prometheus", "alerts.yaml"));
  });

  it("are equal: dashboards", () => {
    const dashboards = readdirSync(join(projectFolder, "deploy", "grafana")).filter((name) => name.endsWith(".json"));
    expect(dashboards.length).toBeGreaterThan(0);
    expect(readdirSync(join(chart, "files", "dashboards"))).toEqual(dashboards);
    for (const name of dashboards)
      expect(read("helm", "coxswain", "files", "dashboards", name)).toBe(read("grafana", name));
  });

  it("have the program's version", () => {
    const { appVersion } = parse(read("helm", "coxswain", "Chart.yaml")) as { appVersion: string };
    const { version } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as { version: string };
    expect(appVersion).toBe(version);
  });
});
