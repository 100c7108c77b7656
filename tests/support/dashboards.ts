/** The dashboards as they are committed: what Grafana would be given. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./processes.js";

export const dashboardFolder = join(projectFolder, "deploy", "grafana");

export interface DashboardPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly interval?: string;
  }[];
}

export interface Dashboard {
  readonly title: string;
  readonly uid: string;
  readonly panels: readonly DashboardPanel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query?: unknown }[];
  };
}

/** By file name. */
export const readDashboards = (): ReadonlyMap<string, Dashboard> =>
  new Map(
    readdirSync(dashboardFolder)
      .filter((name) => name.endsWith(".json"))
      .map((name) => [name, JSON.parse(readFileSync(join(dashboardFolder, name), "utf8")) as Dashboard]),
  );

export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
  readonly legend: string;
}

/** Every query of every panel, so that none can be forgotten. */
export const panelQueries = (): PanelQuery[] =>
  [...readDashboards()].flatMap(([file, { panels }]) =>
    panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ refId, expr, legendFormat: legend }) => ({ panel: `${file}: ${title} (${refId})`, expr, legend })),
    ),
  );

/** As Grafana does before it asks: every variable gives way to its value. */
export function withVariables(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(\w+)|\$\{(\w+)\}/g, (variable, name?: string, braced?: string) => {
    const value = values[name ?? braced ?? ""];
    if (value === undefined) throw new Error(`nobody knows the value of ${variable}`);
    return value;
  });
}
