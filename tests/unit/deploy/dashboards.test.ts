/** These tests protect: dashboards that show what they say, of metrics that exist. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dashboardFiles } from "../../../deploy/grafana/src/index.js";
import { createCoordinatorMetrics, createWorkerMetrics } from "../../../src/telemetry/index.js";
import { dashboardFolder, panelQueries, readDashboards } from "../../support/dashboards.js";

const dashboards = readDashboards();

/** Of dcgm-exporter's default counters (its etc/default-counters.csv). */
const gpuMetrics = [
  "DCGM_FI_DEV_GPU_UTIL",
  "DCGM_FI_DEV_FB_USED",
  "DCGM_FI_DEV_FB_FREE",
  "DCGM_FI_DEV_POWER_USAGE",
  "DCGM_FI_DEV_GPU_TEMP",
];

/** Names and labels of all that a coordinator and a worker export. */
async function exported(): Promise<{ names: Set<string>; text: string }> {
  const text = (await Promise.all([createCoordinatorMetrics("1").text(), createWorkerMetrics("1").text()])).join("\n");
  const names = new Set(gpuMetrics);
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name!);
    if (type === "histogram") for (const part of ["bucket", "sum", "count"]) names.add(`${name!}_${part}`);
  }
  return { names, text };
}

describe("the dashboards", () => {
  it("match their sources (otherwise run `npm run dashboards`)", () => {
    const files = dashboardFiles();
    expect([...files.keys()].sort()).toEqual([...dashboards.keys()].sort());
    for (const [name, text] of files)
      expect(readFileSync(join(dashboardFolder, name), "utf8") === text, name).toBe(true);
  });

  it("use only metrics that a run exports", async () => {
    const { names } = await exported();
    const wanted = panelQueries().flatMap(({ expr }) => expr.match(/\b(?:coxswain|process|nodejs|DCGM)_\w+/g) ?? []);
    expect(wanted.length).toBeGreaterThan(50);
    expect([...new Set(wanted)].filter((name) => !names.has(name))).toEqual([]);
  });

  it("show every metric of a run except internal ones", async () => {
    const { text } = await exported();
    const ours = new Set([...text.matchAll(/^# TYPE (coxswain_\S+) /gm)].map(([, name]) => name!));
    const queries = panelQueries()
      .map(({ expr }) => expr)
      .join("\n");
    const unseen = [...ours].filter((name) => !new RegExp(`\\b${name}(?:_(?:bucket|sum|count))?\\b`).test(queries));
    expect(unseen.sort()).toEqual([
      // The version; alerts' and logs' business; what the coordinator tells of all workers.
      "coxswain_build_info",
      "coxswain_bulk_slow_path_total",
      "coxswain_checkpoint_interval_steps",
      "coxswain_nonfinite_steps_total",
      "coxswain_shards_verified_total",
      "coxswain_sums_rejected_total",
      "coxswain_turned_away_total",
      "coxswain_worker_apply_duration_seconds",
      "coxswain_worker_bulk_slow_path_total",
      "coxswain_worker_connected",
      "coxswain_worker_shards_total",
      "coxswain_worker_step",
      "coxswain_worker_tokens_total",
      "coxswain_workers_put_out_total",
    ]);
  });

  it("use only declared variables, and declare the data source and the run", () => {
    for (const [file, { panels, templating }] of dashboards) {
      const names = templating.list.map(({ name }) => name);
      expect(names, file).toEqual(expect.arrayContaining(["datasource", "run", "window"]));
      for (const { title, targets = [] } of panels)
        for (const { expr } of targets)
          for (const [, name] of expr.matchAll(/\$(\w+)/g))
            if (name !== "__rate_interval") expect(names, `${file}: ${title}`).toContain(name);
    }
  });

  it("compute rates over at least the selected window, since a step may take minutes", () => {
    const rates = [...dashboards.values()]
      .flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets))
      .filter(({ expr }) => expr.includes("["));
    expect(rates.length).toBeGreaterThan(10);
    for (const { expr, interval } of rates) {
      expect(expr).not.toMatch(/\[(?!\$__rate_interval\])/);
      expect(interval, expr).toBe("$window");
    }
  });

  it("give every panel a description and a unit, and every curve a name", () => {
    for (const [file, { panels }] of dashboards) {
      const shown = panels.filter(({ type }) => type !== "row");
      expect(shown.length, file).toBeGreaterThan(7);
      for (const { title, description = "", fieldConfig, datasource, targets = [] } of shown) {
        const panel = `${file}: ${title}`;
        expect(description.length, panel).toBeGreaterThan(15);
        expect(fieldConfig?.defaults.unit, panel).toEqual(expect.any(String));
        expect(datasource, panel).toEqual({ type: "prometheus", uid: "${datasource}" });
        expect(targets.length, panel).toBeGreaterThan(0);
        for (const { legendFormat } of targets) expect(legendFormat, panel).toMatch(/\S/);
      }
    }
  });

  it("lay out panels without gaps or overlaps, with unique ids", () => {
    for (const [file, { panels }] of dashboards) {
      const taken = new Set<string>();
      for (const {
        title,
        gridPos: { x, y, w, h },
      } of panels) {
        expect(x + w, `${file}: ${title}`).toBeLessThanOrEqual(24);
        for (let column = x; column < x + w; column++)
          for (let line = y; line < y + h; line++) {
            expect(taken.has(`${column} ${line}`), `${file}: ${title} lies on another`).toBe(false);
            taken.add(`${column} ${line}`);
          }
      }
      const height = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h));
      expect(taken.size, `${file} has gaps`).toBe(24 * height);
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    }
  });
});
