/** The row "NATS" of the dashboard "cluster": empty of runs that name no server. */
import * as units from "@grafana/grafana-foundation-sdk/units";
import type { Row } from "./layout.js";
import { chart } from "./panels.js";
import { gauge, increase } from "./queries.js";

const noRun = "no run over NATS";

const connected = gauge("coxswain_nats_connected");

export const nats: Row = {
  title: "NATS",
  panels: [
    chart({
      title: "Connection to NATS",
      description:
        "1: connected. 0: the server is away. Training goes on and events wait in memory, but the run is neither found " +
        "nor steered by its name. Only of runs with telemetry.nats.",
      unit: units.NoUnit,
      span: 12,
      min: 0,
      queries: [{ expr: connected, legend: "{{run}}" }],
    })
      .max(1)
      .decimals(0)
      .noValue(noRun),
    chart({
      title: "Events that did not reach NATS",
      description:
        "In the window. More than 10,000 were waiting when the oldest had to go, or the run ended without NATS: " +
        "events.jsonl has them all.",
      unit: units.NoUnit,
      span: 12,
      min: 0,
      queries: [
        {
          // A run without NATS counts none, and has nothing to say here.
          expr: `${increase("coxswain_nats_events_dropped_total")} and on (run) ${connected}`,
          legend: "{{run}}",
        },
      ],
    })
      .decimals(0)
      .noValue(noRun),
  ],
};
