/** Kinds of panels as these dashboards have them: one look, one place for its settings. */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  BarGaugeDisplayMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import { PanelBuilder as BarGaugeBuilder } from "@grafana/grafana-foundation-sdk/bargauge";
import { ThresholdsConfigBuilder, ThresholdsMode, type Panel } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeSeriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { range } from "./queries.js";

export type PanelSource = Builder<Panel>;

export interface Query {
  /** PromQL. */
  readonly expr: string;
  /** With labels in braces, as in "{{run}} training". */
  readonly legend: string;
}

interface About {
  readonly title: string;
  /** What it shows, and what a reader should make of it. */
  readonly description: string;
  /** One of the SDK's units. */
  readonly unit: string;
  /** Columns of 24. */
  readonly span: number;
  readonly queries: readonly Query[];
}

export interface ChartOptions extends About {
  /** Areas on top of one another, where their sum means something. */
  readonly stacked?: boolean;
  /** Values that deserve a look are beyond this line. */
  readonly limit?: { readonly value: number; readonly below?: boolean };
  /** The axis begins here. Default: where the values do. */
  readonly min?: number;
  /** Fixed colours of series, by their name. */
  readonly colours?: Readonly<Record<string, string>>;
}

const datasource = { type: "prometheus", uid: "${datasource}" };

const targets = (queries: readonly Query[], instant: boolean): DataqueryBuilder[] =>
  queries.map(({ expr, legend }, index) => {
    const target = new DataqueryBuilder()
      .datasource(datasource)
      .expr(expr)
      .legendFormat(legend)
      .refId(String.fromCharCode("A".charCodeAt(0) + index));
    // Grafana takes rates over at least this; it does no good to a value that is as it is.
    if (expr.includes(range)) target.interval("$window");
    return instant ? target.instant() : target.range();
  });

/** Values over time. */
export function chart(options: ChartOptions): TimeSeriesBuilder {
  const { title, description, unit, span, queries, stacked = false, limit, min, colours = {} } = options;
  const panel = new TimeSeriesBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .height(8)
    .span(span)
    .targets(targets(queries, false))
    .lineWidth(stacked ? 1 : 2)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(VisibilityMode.Auto)
    .noValue("no data yet")
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .calcs(["lastNotNull", "mean", "max"]),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (stacked) panel.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group("A"));
  if (min !== undefined) panel.min(min);
  if (limit !== undefined) markLimit(panel, limit);
  for (const [name, fixedColor] of Object.entries(colours))
    panel.overrideByName(name, [{ id: "color", value: { mode: "fixed", fixedColor } }]);
  return panel;
}

function markLimit(panel: TimeSeriesBuilder, { value, below = false }: NonNullable<ChartOptions["limit"]>): void {
  const [low, high] = below ? ["red", "green"] : ["green", "red"];
  panel
    .thresholds(thresholds(low, [value, high]))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
}

/** Colours from values on: the first counts from the lowest value. */
export const thresholds = (base: string, ...steps: readonly (readonly [number, string])[]): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))]);

const newest = (): ReduceDataOptionsBuilder => new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false);

/** One number a run, large. */
export const figure = ({ title, description, unit, span, queries }: About): StatBuilder =>
  new StatBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .height(4)
    .span(span)
    .targets(targets(queries, true))
    .reduceOptions(newest())
    .graphMode(BigValueGraphMode.None)
    .thresholds(thresholds("blue"))
    .noValue("none yet");

/** A bar for each series, of what is true now. */
export const bars = ({ title, description, unit, span, queries }: About): BarGaugeBuilder =>
  new BarGaugeBuilder()
    .title(title)
    .description(description)
    .datasource(datasource)
    .unit(unit)
    .span(span)
    .targets(targets(queries, true))
    .reduceOptions(newest())
    .orientation(VizOrientation.Horizontal)
    .displayMode(BarGaugeDisplayMode.Gradient)
    .noValue("no data yet");
