/** The row "workers" of the dashboard "cluster": who is there, who comes and goes, who is slow. */
import * as units from "@grafana/grafana-foundation-sdk/units";
import type { Row } from "./layout.js";
import { chart } from "./panels.js";
import { gauge, increase, ofRun, range } from "./queries.js";

const speedOf = ofRun("coxswain_worker_tokens_per_second");

/** A worker's speed over that of the run's median worker. */
const relativeSpeed = `(${speedOf}) / on (run) group_left () quantile by (run) (0.5, ${speedOf})`;

export const workers: Row = {
  title: "Workers",
  panels: [
    chart({
      title: "Workers by state",
      description:
        "loading: the model; synchronising: taking the parameters; active: computing, or ready to; draining: about to " +
        "leave. The red line is cluster.min_workers.",
      unit: units.NoUnit,
      span: 12,
      min: 0,
      queries: [
        { expr: `sum by (state) (${ofRun("coxswain_workers")})`, legend: "{{state}}" },
        { expr: `sum(${gauge("coxswain_workers_required")})`, legend: "required" },
      ],
      colours: { active: "green", loading: "blue", synchronising: "yellow", draining: "orange", required: "red" },
    }),
    chart({
      title: "Workers that left",
      description:
        "In the window, by run. drained: they said so (SIGTERM); lost: their connection ended or they were silent.",
      unit: units.NoUnit,
      span: 12,
      min: 0,
      queries: [{ expr: increase("coxswain_workers_left_total", "how"), legend: "{{run}} {{how}}" }],
    }).decimals(0),
    chart({
      title: "Speed of each worker",
      description: "Tokens per second, measured from its newest shards; determines its share of the next step.",
      unit: units.Short,
      span: 12,
      min: 0,
      queries: [{ expr: speedOf, legend: "{{run}} {{worker}}" }],
    }),
    chart({
      title: "Stragglers",
      description:
        "Speed of the ten slowest workers over the median worker's. Work is shared out by speed, so a slow worker costs " +
        "its own speed only; one far below the line may be worth replacing.",
      unit: units.PercentUnit,
      span: 12,
      min: 0,
      limit: { value: 0.5, below: true },
      queries: [{ expr: `bottomk(10, ${relativeSpeed})`, legend: "{{run}} {{worker}}" }],
    }),
    chart({
      title: "Time that workers compute",
      description:
        "Share of the window in which a worker was computing, seen at each scrape. The rest: waiting for others, moving " +
        "gradients, applying the update.",
      unit: units.PercentUnit,
      span: 12,
      min: 0,
      queries: [
        {
          expr: ofRun(`avg_over_time(coxswain_worker_state{state="computing"}${range})`, "worker"),
          legend: "{{run}} {{worker}}",
        },
      ],
    }).max(1),
    chart({
      title: "Time of a shard",
      description: "Mean over the window, per worker.",
      unit: units.Seconds,
      span: 12,
      min: 0,
      queries: [
        {
          expr: ofRun(
            `(rate(coxswain_worker_shard_duration_seconds_sum${range}) / rate(coxswain_worker_shard_duration_seconds_count${range}) > 0)`,
            "worker",
          ),
          legend: "{{run}} {{worker}}",
        },
      ],
    }),
  ],
};
