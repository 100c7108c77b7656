/** These tests protect: dashboards and alerts find every metric by its promised name, type and labels. */
import { describe, expect, it } from "vitest";
import { createCoordinatorMetrics, createWorkerMetrics, type MetricsText } from "../../../src/telemetry/index.js";
import { parseExposition } from "./exposition.js";

const read = async (metrics: MetricsText) => parseExposition(await metrics.text());

/** Names and types as the design promises them. */
const promised: readonly (readonly [string, string])[] = [
  ["loss", "gauge"],
  ["eval_loss", "gauge"],
  ["learning_rate", "gauge"],
  ["grad_norm", "gauge"],
  ["step", "gauge"],
  ["steps_total_planned", "gauge"],
  ["epoch", "gauge"],
  ["tokens_total", "counter"],
  ["step_duration_seconds", "histogram"],
  ["workers", "gauge"],
  ["worker_tokens_per_second", "gauge"],
  ["leases_total", "counter"],
  ["all_reduce_bytes_total", "counter"],
  ["replica_mismatch_total", "counter"],
  ["sums_rejected_total", "counter"],
  ["shards_verified_total", "counter"],
  ["workers_put_out_total", "counter"],
  ["checkpoint_last_success_timestamp_seconds", "gauge"],
  ["checkpoint_duration_seconds", "gauge"],
  ["last_commit_timestamp_seconds", "gauge"],
  ["grpc_server_handled_total", "counter"],
  ["turned_away_total", "counter"],
  ["build_info", "gauge"],
  ["run_info", "gauge"],
  ["run_outcome", "gauge"],
  ["nonfinite_steps_total", "counter"],
  ["workers_required", "gauge"],
  ["workers_left_total", "counter"],
  ["checkpoint_interval_steps", "gauge"],
];

describe("the coordinator's metrics", () => {
  it.each(promised)("have coxswain_%s, a %s", async (name, type) => {
    const families = await read(createCoordinatorMetrics("1.2.3"));
    expect(families.get(`coxswain_${name}`)?.type).toBe(type);
  });

  it("have every series with known labels at 0, so that a first increase is visible", async () => {
    const families = await read(createCoordinatorMetrics("1.2.3"));
    const series = (name: string) => Object.fromEntries(families.get(name)!.series);
    expect(series("coxswain_tokens_total")).toEqual({
      'coxswain_tokens_total{kind="all"}': 0,
      'coxswain_tokens_total{kind="supervised"}': 0,
    });
    expect(series("coxswain_leases_total")).toEqual({
      'coxswain_leases_total{result="done"}': 0,
      'coxswain_leases_total{result="expired"}': 0,
      'coxswain_leases_total{result="lost"}': 0,
      'coxswain_leases_total{result="stolen"}': 0,
    });
    expect(series("coxswain_all_reduce_bytes_total")).toEqual({
      'coxswain_all_reduce_bytes_total{direction="received"}': 0,
      'coxswain_all_reduce_bytes_total{direction="sent"}': 0,
    });
    expect(series("coxswain_workers")).toEqual({
      'coxswain_workers{state="active"}': 0,
      'coxswain_workers{state="draining"}': 0,
      'coxswain_workers{state="loading"}': 0,
      'coxswain_workers{state="synchronising"}': 0,
    });
    expect(series("coxswain_replica_mismatch_total")).toEqual({ coxswain_replica_mismatch_total: 0 });
    expect(series("coxswain_nonfinite_steps_total")).toEqual({ coxswain_nonfinite_steps_total: 0 });
    expect(series("coxswain_workers_left_total")).toEqual({
      'coxswain_workers_left_total{how="drained"}': 0,
      'coxswain_workers_left_total{how="lost"}': 0,
    });
    expect(series("coxswain_run_outcome")).toEqual({
      'coxswain_run_outcome{outcome="completed"}': 0,
      'coxswain_run_outcome{outcome="failed"}': 0,
      'coxswain_run_outcome{outcome="stopped"}': 0,
    });
    for (const phase of ["compute", "reduce", "apply", "total"]) {
      expect(series("coxswain_step_duration_seconds")).toHaveProperty(
        [`coxswain_step_duration_seconds_count{phase="${phase}"}`],
        0,
      );
    }
  });

  it("have no loss before the first step", async () => {
    const metrics = createCoordinatorMetrics("1.2.3");
    for (const name of ["loss", "eval_loss", "grad_norm", "learning_rate", "last_commit_timestamp_seconds"]) {
      expect((await read(metrics)).get(`coxswain_${name}`)!.series.size, name).toBe(0);
    }
    metrics.loss.set(1.25);
    expect((await read(metrics)).get("coxswain_loss")!.series.get("coxswain_loss")).toBe(1.25);
  });

  it("count by label", async () => {
    const metrics = createCoordinatorMetrics("1.2.3");
    metrics.tokens.add(1000, { kind: "all" });
    metrics.tokens.add(24, { kind: "all" });
    metrics.grpcHandled.add(1, { method: "/coxswain.v1.Coordinator/Attend", code: "OK" });
    metrics.stepDuration.observe(0.3, { phase: "total" });
    metrics.stepDuration.observe(700, { phase: "total" });
    metrics.workers.set(2, { state: "active" });
    const families = await read(metrics);
    expect(families.get("coxswain_tokens_total")!.series.get('coxswain_tokens_total{kind="all"}')).toBe(1024);
    expect(
      families
        .get("coxswain_grpc_server_handled_total")!
        .series.get('coxswain_grpc_server_handled_total{code="OK",method="/coxswain.v1.Coordinator/Attend"}'),
    ).toBe(1);
    const duration = families.get("coxswain_step_duration_seconds")!.series;
    const bucket = (bound: string) =>
      duration.get(`coxswain_step_duration_seconds_bucket{le="${bound}",phase="total"}`);
    expect([bucket("0.25"), bucket("0.5"), bucket("600"), bucket("+Inf")]).toEqual([0, 1, 1, 2]);
    expect(bucket("0.001")).toBe(0);
    expect(duration.get('coxswain_step_duration_seconds_sum{phase="total"}')).toBe(700.3);
  });

  it("drop a worker that has left", async () => {
    const metrics = createCoordinatorMetrics("1.2.3");
    metrics.workerTokensPerSecond.set(10, { worker: "a" });
    metrics.workerTokensPerSecond.set(20, { worker: "b" });
    metrics.workerTokensPerSecond.remove({ worker: "a" });
    const left = (await read(metrics)).get("coxswain_worker_tokens_per_second")!.series;
    expect([...left]).toEqual([['coxswain_worker_tokens_per_second{worker="b"}', 20]]);
    metrics.workerTokensPerSecond.clear();
    expect((await read(metrics)).get("coxswain_worker_tokens_per_second")!.series.size).toBe(0);
  });

  it("of two runs in one process are separate", async () => {
    const [one, other] = [createCoordinatorMetrics("1.2.3"), createCoordinatorMetrics("1.2.3")];
    one.step.set(7);
    expect((await read(other)).get("coxswain_step")!.series.size).toBe(0);
  });
});

describe("the worker's metrics", () => {
  it("show one state at a time", async () => {
    const metrics = createWorkerMetrics("1.2.3");
    const states = async () => Object.fromEntries((await read(metrics)).get("coxswain_worker_state")!.series);
    const only = (active: string) =>
      Object.fromEntries(
        ["connecting", "loading", "idle", "computing"].map((state) => [
          `coxswain_worker_state{state="${state}"}`,
          state === active ? 1 : 0,
        ]),
      );
    expect(await states()).toEqual(only("connecting"));
    metrics.setActivity("computing");
    expect(await states()).toEqual(only("computing"));
  });

  it("share no name with the coordinator's, except for process metrics", async () => {
    const ours = (families: Map<string, unknown>) =>
      [...families.keys()].filter((name) => name.startsWith("coxswain_"));
    const coordinator = new Set(ours(await read(createCoordinatorMetrics("1"))));
    expect(ours(await read(createWorkerMetrics("1"))).filter((name) => coordinator.has(name))).toEqual([
      "coxswain_build_info",
      "coxswain_run_info",
    ]);
  });

  it("name one run at a time, since dashboards join on it", async () => {
    const metrics = createWorkerMetrics("1.2.3");
    const series = async () => [...(await read(metrics)).get("coxswain_run_info")!.series.keys()];
    expect(await series()).toEqual([]);
    metrics.setMembership({ run: "first", model: "m", worker: "a" });
    metrics.setMembership({ run: "second", model: "m", worker: "b" });
    expect(await series()).toEqual(['coxswain_run_info{model="m",role="worker",run="second",worker="b"}']);
  });
});

describe.each([
  ["coordinator", createCoordinatorMetrics],
  ["worker", createWorkerMetrics],
])("the metrics of a %s", (role, create) => {
  it("include Node's and the process's own", async () => {
    const families = await read(create("1.2.3"));
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"]) {
      expect(families.has(name), name).toBe(true);
    }
  });

  it("include the version", async () => {
    const series = (await read(create("1.2.3"))).get("coxswain_build_info")!.series;
    expect([...series]).toEqual([
      [`coxswain_build_info{node="${process.versions.node}",role="${role}",version="1.2.3"}`, 1],
    ]);
  });

  // The rules of `promtool check metrics`.
  it("follow Prometheus' naming conventions", async () => {
    const families = await read(create("1.2.3"));
    const ours = [...families].filter(([name]) => name.startsWith("coxswain_"));
    expect(ours.length).toBeGreaterThan(8);
    for (const [name, { help, type, series }] of ours) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
      expect(help, name).toMatch(/^(?:[A-Z]|gRPC|1).{10,}\.$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
      expect(name).not.toMatch(
        /_(bucket|count|sum|gauge|counter|histogram|ms|milliseconds|minutes|kib|mib|kilobytes)$/,
      );
      if (type === "histogram") expect(name).toMatch(/_seconds$/);
      for (const key of series.keys()) expect(key).not.toMatch(/\{.*\b(name|quantile)=/);
    }
  });
});
