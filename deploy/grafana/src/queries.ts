/** Pieces of PromQL that the dashboards share. Know names of metrics and variables, nothing of panels. */

/** Over which time rates are taken. Grafana makes it as long as the panel's resolution, and at least the variable `window`. */
export const range = "[$__rate_interval]";

const runInfo = 'coxswain_run_info{run=~"$run"}';

/**
 * Only the series of the runs that are picked, with labels of `coxswain_run_info` beside their own.
 * @param selector one metric, or an expression in brackets, that keeps the labels `job` and `instance`
 */
export const ofRun = (selector: string, ...labels: readonly string[]): string =>
  `${selector} * on (job, instance) group_left (${["run", ...labels].join(", ")}) ${runInfo}`;

/** A coordinator's gauge, one series a run: where the coordinator came back elsewhere, its line goes on. */
export const gauge = (metric: string): string => `max by (run) (${ofRun(metric)})`;

/** Increase a second of a coordinator's counter, summed by run and further labels. */
export const rate = (metric: string, ...by: readonly string[]): string =>
  `sum by (${["run", ...by].join(", ")}) (${ofRun(`rate(${metric}${range})`)})`;

/** How much a coordinator's counter grew in the window, by run and further labels. */
export const increase = (metric: string, ...by: readonly string[]): string =>
  `sum by (${["run", ...by].join(", ")}) (${ofRun(`increase(${metric}${range})`)})`;

/** Mean seconds of a phase over the window, by run and further labels; nothing where no step ended in it. */
export const meanSeconds = (phases: string, ...by: readonly string[]): string => {
  const part = (suffix: string): string => rate(`coxswain_step_duration_seconds_${suffix}{phase=~"${phases}"}`, ...by);
  return `(${part("sum")} / ${part("count")} > 0)`;
};

/** A quantile of a phase's seconds over the window, by run. */
export const quantileSeconds = (quantile: number, phase: string): string =>
  `histogram_quantile(${quantile}, ${rate(`coxswain_step_duration_seconds_bucket{phase="${phase}"}`, "le")})`;

/** Of every process of a run, coordinator and workers. */
export const ofProcess = (selector: string): string => ofRun(selector, "role", "worker");

/** The legend of such a series. */
export const processLegend = "{{run}} {{role}} {{worker}}";
