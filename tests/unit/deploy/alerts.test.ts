/** These tests protect: alerts that fire when they should, stay quiet when they should, and say what to do. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createCoordinatorMetrics } from "../../../src/telemetry/index.js";
import { havePrometheus, needsPrometheus, promtool } from "../../support/prometheus.js";
import { projectFolder } from "../../support/processes.js";

const folder = join(projectFolder, "deploy", "prometheus");
const read = (...path: string[]): string => readFileSync(join(projectFolder, ...path), "utf8");

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleTest {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
}

const alerts = (parse(read("deploy", "prometheus", "alerts.yaml")) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);
const tests = (parse(read("deploy", "prometheus", "alerts.test.yaml")) as { tests: RuleTest[] }).tests;

describe("the alerts", () => {
  it.each(alerts.map(({ alert }) => alert))("%s has a test in which it fires, and one in which it does not", (name) => {
    const cases = tests
      .flatMap(({ alert_rule_test: each }) => each)
      .filter(({ alertname }) => alertname === name)
      .map(({ exp_alerts: expected }) => expected.length > 0);
    expect(new Set(cases)).toEqual(new Set([true, false]));
  });

  it.each(alerts.map((alert) => [alert.alert, alert] as const))("%s has a severity and a runbook", (name, alert) => {
    expect(["critical", "warning"]).toContain(alert.labels.severity);
    expect(alert.annotations["summary"]).toMatch(/.{10}/);
    expect(alert.annotations["description"]).toMatch(/.{40}/);
    expect(alert.annotations["runbook"]).toBe(`docs/operations.md#${name.toLowerCase()}`);
    const section = new RegExp(`\\n### ${name}\\n\\n.{40}`, "s");
    expect(read("docs", "operations.md")).toMatch(section);
  });

  it("use only metrics that a coordinator exports", async () => {
    const text = await createCoordinatorMetrics("1").text();
    const wanted = alerts.flatMap(({ expr }) => expr.match(/\b(?:coxswain|process)_\w+/g) ?? []);
    for (const name of new Set(wanted)) expect(text).toContain(`# TYPE ${name.replace(/_(sum|count|bucket)$/, "")} `);
  });

  it.skipIf(!havePrometheus)(`are valid rules for Prometheus, and pass its rule tests (${needsPrometheus})`, () => {
    const check = promtool(["check", "rules", "alerts.yaml"], folder);
    expect(check.status, check.stdout + check.stderr).toBe(0);
    const test = promtool(["test", "rules", "alerts.test.yaml"], folder);
    expect(test.status, test.stdout + test.stderr).toBe(0);
  });
});
