/** The dashboard "cluster": who works, who is slow, and what the network costs. */
import * as units from "@grafana/grafana-foundation-sdk/units";
import { dashboard, type Dashboard, type Row } from "./layout.js";
import { nats } from "./nats.js";
import { bars, chart, figure, thresholds } from "./panels.js";
import { gauge, meanSeconds, ofProcess, ofRun, quantileSeconds, range, rate } from "./queries.js";
import { workers } from "./workers.js";

const now: Row = {
  title: "Now",
  panels: [
    figure({
      title: "Active workers",
      description: "Workers that compute or are ready to compute. Below cluster.min_workers the run waits.",
      unit: units.NoUnit,
      span: 6,
      queries: [{ expr: gauge('coxswain_workers{state="active"}'), legend: "{{run}}" }],
    }),
    figure({
      title: "Replicas that differed",
      description:
        "Times that a worker's parameters were not the coordinator's, since it started. They were replaced. Anything " +
        "above 0 deserves a look at that machine: damaged memory, or another build.",
      unit: units.NoUnit,
      span: 6,
      queries: [{ expr: gauge("coxswain_replica_mismatch_total"), legend: "{{run}}" }],
    }).thresholds(thresholds("green", [1, "red"])),
    figure({
      title: "Age of the newest checkpoint",
      description:
        "The maximum loss if all machines fail simultaneously. Counts from the coordinator's first checkpoint.",
      unit: units.Seconds,
      span: 6,
      queries: [{ expr: `time() - ${gauge("coxswain_checkpoint_last_success_timestamp_seconds")}`, legend: "{{run}}" }],
    }),
    figure({
      title: "Share of a step not computing",
      description:
        "Share of a step's time not spent computing. A high share means a slow network, or steps that are too small.",
      unit: units.PercentUnit,
      span: 6,
      queries: [{ expr: `${meanSeconds("reduce")} / ${meanSeconds("total")}`, legend: "{{run}}" }],
    }),
  ],
};

const steps: Row = {
  title: "Steps",
  panels: [
    chart({
      title: "Phases of a step",
      description:
        "Mean over the window. compute: from the lease to the last gradient; reduce: the sum and its norm; apply: the " +
        "coordinator's own update, while workers go on.",
      unit: units.Seconds,
      span: 12,
      stacked: true,
      min: 0,
      queries: [{ expr: meanSeconds("compute|reduce|apply", "phase"), legend: "{{run}} {{phase}}" }],
    }),
    chart({
      title: "Shards by outcome of their lease",
      description:
        "A second. done: committed; stolen: given to a faster worker as well, which is everyday business; expired: the " +
        "worker was late; lost: it was gone.",
      unit: units.Short,
      span: 12,
      min: 0,
      queries: [{ expr: rate("coxswain_leases_total", "result"), legend: "{{run}} {{result}}" }],
    }),
  ],
};

const network: Row = {
  title: "All-reduce and calls",
  panels: [
    chart({
      title: "Gradient bytes through the coordinator",
      description: "Per second, without framing. In the mesh, workers exchange gradients directly.",
      unit: units.BytesPerSecondIEC,
      span: 12,
      min: 0,
      queries: [{ expr: rate("coxswain_all_reduce_bytes_total", "direction"), legend: "{{run}} {{direction}}" }],
    }),
    chart({
      title: "Gradient bytes of each worker",
      description: "Per second, without framing, from the worker's side.",
      unit: units.BytesPerSecondIEC,
      span: 12,
      min: 0,
      queries: [
        {
          expr: ofRun(`rate(coxswain_worker_all_reduce_bytes_total${range})`, "worker"),
          legend: "{{run}} {{worker}} {{direction}}",
        },
      ],
    }),
    chart({
      title: "Time of a reduction",
      description: "Phase reduce: from the last gradient's arrival to the commit.",
      unit: units.Seconds,
      span: 12,
      min: 0,
      queries: [
        { expr: quantileSeconds(0.5, "reduce"), legend: "{{run}} median" },
        { expr: quantileSeconds(0.95, "reduce"), legend: "{{run}} 95 % are below" },
      ],
    }),
    chart({
      title: "gRPC calls by code",
      description:
        "Completed calls of the coordinator, per second. OK and CANCELLED are everyday business; UNAUTHENTICATED: " +
        "somebody has no token or a wrong one.",
      unit: units.RequestsPerSecond,
      span: 12,
      min: 0,
      queries: [{ expr: rate("coxswain_grpc_server_handled_total", "code"), legend: "{{run}} {{code}}" }],
    }),
  ],
};

const safety: Row = {
  title: "Checkpoints and connections",
  panels: [
    chart({
      title: "Age of the newest checkpoint",
      description: "A sawtooth: it falls to zero every training.save_steps steps. If it does not, saving fails.",
      unit: units.Seconds,
      span: 8,
      min: 0,
      queries: [{ expr: `time() - ${gauge("coxswain_checkpoint_last_success_timestamp_seconds")}`, legend: "{{run}}" }],
    }),
    chart({
      title: "Time of a checkpoint",
      description: "Seconds to write the newest one; training continues meanwhile.",
      unit: units.Seconds,
      span: 8,
      min: 0,
      queries: [{ expr: gauge("coxswain_checkpoint_duration_seconds"), legend: "{{run}}" }],
    }),
    bars({
      title: "Connections of each worker",
      description: "Since its process started. Above 1: it lost the coordinator and reconnected.",
      unit: units.NoUnit,
      span: 8,
      queries: [{ expr: ofProcess("coxswain_worker_connections_total"), legend: "{{run}} {{worker}}" }],
    })
      .height(8)
      .min(0)
      .thresholds(thresholds("green", [2, "orange"])),
  ],
};

export const cluster = (): Dashboard =>
  dashboard({
    title: "Coxswain / Cluster",
    description: "Workers, stragglers and the cost of the network.",
    uid: "coxswain-cluster",
    rows: [now, workers, steps, network, safety, nats],
  });
