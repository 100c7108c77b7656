/**
 * A dashboard around rows of panels: its variables, its links to the others, its numbering. In Grafana's classic schema,
 * which every version reads from a file; what the SDK would rather have needs Grafana's newest API.
 */
/* eslint-disable @typescript-eslint/no-deprecated */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  IntervalVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { PanelSource } from "./panels.js";

export interface Row {
  readonly title: string;
  /** Placed from left to right; their spans fill 24 columns, once or several times. */
  readonly panels: readonly PanelSource[];
}

export interface DashboardOptions {
  readonly title: string;
  readonly description: string;
  /** Part of the dashboard's address: never to be changed. */
  readonly uid: string;
  readonly rows: readonly Row[];
  /** Further variables. */
  readonly variables?: readonly QueryVariableBuilder[];
}

export type Dashboard = ReturnType<DashboardBuilder["build"]>;

const tag = "coxswain";

/** A variable whose values are those of a label; several may be picked, all are at first. */
export const labelVariable = (name: string, label: string, metric: string, of: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource({ type: "prometheus", uid: "${datasource}" })
    .query({ qryType: 1, query: `label_values(${metric}, ${of})`, refId: `Variable-${name}` })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ selected: true, text: ["All"], value: ["$__all"] });

/** Averages over less than a step would jump between nothing and far too much. */
const windowVariable = (): IntervalVariableBuilder =>
  new IntervalVariableBuilder("window")
    .label("Averaged over at least")
    .description("Take a multiple of the time of a step.")
    .values("1m,2m,5m,15m,30m,1h")
    .current({ selected: true, text: "2m", value: "2m" });

export function dashboard({ title, description, uid, rows, variables = [] }: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([tag])
    .readonly()
    .refresh("10s")
    .time({ from: "now-1h", to: "now" })
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("Coxswain")
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .withVariable(labelVariable("run", "Run", "coxswain_run_info", "run"))
    .withVariable(windowVariable());
  for (const variable of variables) builder.withVariable(variable);
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title));
    for (const panel of row.panels) builder.withPanel(panel);
  }
  const built = builder.build();
  built.panels?.forEach((panel, index) => (panel.id = index + 1));
  return built;
}
