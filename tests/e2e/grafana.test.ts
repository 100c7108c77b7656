/**
 * A real Prometheus beside a real run. What a user loses if this fails: panels that stay empty, and alerts that do not
 * come.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { freePort } from "../../src/chaos/ports.js";
import { clusterRun, startCoordinator, startWorker } from "../support/cluster.js";
import { panelQueries, withVariables } from "../support/dashboards.js";
import { startGpuExporter, type Exporter } from "../support/dcgm.js";
import { chart } from "../support/helm.js";
import { NatsServer, skippedWithoutNats } from "../support/nats-server.js";
import { CoxswainProcess, projectFolder, temporaryFolder } from "../support/processes.js";
import { Prometheus, havePrometheus, needsPrometheus } from "../support/prometheus.js";
import { smallEvaluationSet } from "../support/runs.js";

const address = async (): Promise<string> => `127.0.0.1:${await freePort(["127.0.0.1"])}`;

/** As Grafana would fill them in: everything is picked, and a time that holds many of these scrapes and steps. */
const variables = { run: "out", host: ".*", __rate_interval: "10s" };

/** "{{run}} {{kind}}" -> "out all". */
const legendOf = (legend: string, labels: Readonly<Record<string, string>>): string =>
  legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? "");

const skipped = !havePrometheus || skippedWithoutNats !== "";

describe.skipIf(skipped)(`Grafana and the alerts (${needsPrometheus})${skippedWithoutNats}`, () => {
  let prometheus: Prometheus;
  let gpus: Exporter;
  let nats: NatsServer;
  let coordinator: CoxswainProcess;
  let workers: CoxswainProcess[];
  /** Where a run will be that diverges. */
  let otherTelemetry: string;

  beforeAll(async () => {
    const [telemetry, first, second] = await Promise.all([address(), address(), address()]);
    otherTelemetry = await address();
    gpus = await startGpuExporter();
    nats = await NatsServer.start();
    const run = await clusterRun({
      steps: 100_000,
      training: {
        ...{ save_steps: 3, eval_steps: 3, global_batch_size: 4 },
        ...{ predict_with_generate: true, metric_for_best_model: "eval_loss" },
      },
      cluster: { all_reduce: "mesh" },
    });
    coordinator = startCoordinator(
      run.file,
      ...["--set", `telemetry.http=${telemetry}`, "--set", `telemetry.nats.url=${nats.url}`],
      ...["--set", `data.eval=${smallEvaluationSet(run.folder)}`, "--set", "data.max_length=128"],
    );
    workers = [first, second].map((http) => startWorker(run.address, "--http", http));
    prometheus = await Prometheus.start({
      folder: temporaryFolder(),
      jobs: { coxswain: [telemetry, first, second, otherTelemetry], "dcgm-exporter": [gpus.address] },
      ruleFiles: [join(projectFolder, "deploy", "prometheus", "alerts.yaml")],
    });
  });

  afterAll(async () => {
    await prometheus.close();
    gpus.close();
  });

  it("every query of every panel has data, and each curve has its own name", async () => {
    const queries = panelQueries();
    expect(queries.length).toBeGreaterThan(40);
    const empty = new Map(queries.map((query) => [query.panel, query]));
    await vi.waitFor(
      async () => {
        for (const { panel, expr, legend } of empty.values()) {
          const samples = await prometheus.query(withVariables(expr, variables));
          if (samples.length === 0) continue;
          empty.delete(panel);
          const legends = samples.map(({ metric }) => legendOf(legend, metric).trim());
          expect(new Set(legends).size, `${panel}: ${legends.join(", ")}`).toBe(legends.length);
          expect(legends, panel).not.toContain("");
        }
        if (empty.size > 0) throw new Error(`no data: ${[...empty.keys()].join("; ")}`);
      },
      { timeout: 120_000, interval: 500 },
    );
  });

  it("the chart's KEDA query asks for workers while the run trains", async () => {
    const values = parse(readFileSync(join(chart, "examples", "keda.yaml"), "utf8")) as {
      worker: { autoscaling: { keda: { query: string } } };
    };
    // Which pod it is, is what a cluster's Prometheus knows of it.
    const query = values.worker.autoscaling.keda.query.replace(/\{.*?\}/, "");
    expect(await prometheus.query(query)).toEqual([{ metric: {}, value: 8 }]);
  });

  it("every alert can be evaluated, and none fires for a healthy run", async () => {
    await vi.waitFor(
      async () => {
        const rules = await prometheus.rules();
        expect(rules.length).toBeGreaterThan(6);
        for (const { name, health, lastError } of rules)
          expect([name, health, lastError]).toEqual([name, "ok", undefined]);
      },
      { timeout: 60_000, interval: 250 },
    );
    expect((await prometheus.rules()).filter(({ state }) => state === "firing")).toEqual([]);
  });

  it("a loss that is not a number is reported, although the process ends immediately", async () => {
    // They are not needed any more, and computing.
    for (const worker of workers) worker.killAll();
    const { file } = await clusterRun({ steps: 100, training: { learning_rate: 1e30, warmup_steps: 0 } });
    const diverging = new CoxswainProcess(["train", file, "--set", `telemetry.http=${otherTelemetry}`]);
    const { code, stdout, stderr } = await diverging.finished;
    expect(stdout + stderr).toContain("the step was not applied");
    expect(code).toBe(8);
    await vi.waitFor(
      async () => {
        const firing = (await prometheus.rules()).filter(({ state }) => state === "firing").map(({ name }) => name);
        expect(firing.sort()).toEqual(["CoxswainLossNotFinite", "CoxswainRunFailed"]);
      },
      { timeout: 60_000, interval: 250 },
    );
  });

  it.each([
    ["stopped NATS server", "CoxswainNatsAway", () => nats.kill()],
    ["killed coordinator", "CoxswainCoordinatorDown", () => coordinator.killAll()],
  ])("the alert of a %s becomes pending", async (_, alert, kill) => {
    kill();
    await vi.waitFor(
      async () => {
        const rule = (await prometheus.rules()).find(({ name }) => name === alert);
        // It fires some minutes later.
        expect(rule?.state).toBe("pending");
      },
      { timeout: 60_000, interval: 250 },
    );
  });
});
