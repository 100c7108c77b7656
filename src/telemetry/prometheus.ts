/**
 * Counters, gauges and histograms of one process, with labels checked by the compiler. The only module that uses
 * prom-client; `coordinator-metrics.ts` and `worker-metrics.ts` define the metrics.
 */
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from "prom-client";

/**
 * The labels of a metric: the values of each if they are known (all series then exist from the start), otherwise null.
 */
export type LabelSpec = Readonly<Record<string, readonly string[] | null>>;

/** The labels argument of a call: an object, or nothing if the metric has none. */
export type LabelArguments<Spec extends LabelSpec | undefined> = Spec extends LabelSpec
  ? [labels: { readonly [Name in keyof Spec]: Spec[Name] extends readonly (infer Value)[] ? Value : string }]
  : [];

export interface Counter<Spec extends LabelSpec | undefined = undefined> {
  /** @param amount not negative */
  add(amount: number, ...labels: LabelArguments<Spec>): void;
}

export interface Gauge<Spec extends LabelSpec | undefined = undefined> {
  set(value: number, ...labels: LabelArguments<Spec>): void;
  /** Removes one series. */
  remove(...labels: LabelArguments<Spec>): void;
  /** Removes all series. */
  clear(): void;
}

export interface Histogram<Spec extends LabelSpec | undefined = undefined> {
  observe(value: number, ...labels: LabelArguments<Spec>): void;
}

/** The content of `/metrics`. */
export interface MetricsText {
  /** The value of the Content-Type header. */
  readonly contentType: string;
  /** All series in Prometheus' text format. */
  text(): Promise<string>;
}

/** The one label object of a call, or none. */
const labelsOf = (given: readonly unknown[]): Record<string, string> => (given[0] ?? {}) as Record<string, string>;

/** All combinations of the labels' values; none if a label's values are unknown. */
function combinations(spec: LabelSpec): Record<string, string>[] {
  let found: Record<string, string>[] = [{}];
  for (const [name, values] of Object.entries(spec)) {
    found = found.flatMap((labels) => (values ?? []).map((value) => ({ ...labels, [name]: value })));
  }
  return found;
}

/** One process's metrics, apart from those of any other in the same process (tests run several). */
export class MetricRegistry implements MetricsText {
  readonly #registry = new Registry();
  readonly #prefix: string;

  /** @param prefix of Coxswain's own metrics; Node's and the process's keep prom-client's names */
  constructor(prefix: string) {
    this.#prefix = prefix;
    collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  counter<const Spec extends LabelSpec | undefined = undefined>(
    name: string,
    help: string,
    spec?: Spec,
  ): Counter<Spec> {
    const metric = new PromCounter<string>(this.#configuration(name, help, spec));
    for (const labels of combinations(spec ?? {})) metric.inc(labels, 0);
    return { add: (amount, ...labels) => metric.inc(labelsOf(labels), amount) };
  }

  /** Gauges without labels, and series of unknown labels, are absent until they are set: 0 would be wrong. */
  gauge<const Spec extends LabelSpec | undefined = undefined>(name: string, help: string, spec?: Spec): Gauge<Spec> {
    const metric = new PromGauge<string>(this.#configuration(name, help, spec));
    if (spec === undefined) metric.remove({});
    else for (const labels of combinations(spec)) metric.set(labels, 0);
    return {
      set: (value, ...labels) => metric.set(labelsOf(labels), value),
      remove: (...labels) => metric.remove(labelsOf(labels)),
      clear: () => metric.reset(),
    };
  }

  /** A gauge that is read when it is scraped. */
  readGauge(name: string, help: string, read: () => number): void {
    new PromGauge<string>({
      ...this.#configuration(name, help, undefined),
      collect() {
        this.set(read());
      },
    });
  }

  /** @param buckets upper bounds, ascending */
  histogram<const Spec extends LabelSpec | undefined = undefined>(
    name: string,
    help: string,
    buckets: readonly number[],
    spec?: Spec,
  ): Histogram<Spec> {
    const metric = new PromHistogram<string>({ ...this.#configuration(name, help, spec), buckets: [...buckets] });
    if (spec !== undefined) for (const labels of combinations(spec)) metric.zero(labels);
    return { observe: (value, ...labels) => metric.observe(labelsOf(labels), value) };
  }

  #configuration(name: string, help: string, spec: LabelSpec | undefined) {
    return { name: this.#prefix + name, help, labelNames: Object.keys(spec ?? {}), registers: [this.#registry] };
  }
}

/** Upper bounds for durations, seconds: 1 ms to 10 min. */
export const durationBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600,
] as const;

/** The conventional gauge of constant 1 whose labels describe the running program. */
export function addBuildInfo(registry: MetricRegistry, role: string, version: string): void {
  registry
    .gauge("build_info", "Version of the running program: always 1.", { version: null, node: null, role: null })
    .set(1, { version, node: process.versions.node, role });
}

/**
 * Labels of `coxswain_run_info`, the gauge of constant 1 that says which run a process belongs to. The other metrics
 * don't have the run as a label: queries join it, `coxswain_loss * on (job, instance) group_left (run)
 * coxswain_run_info`.
 */
export const runInfoLabels = {
  /** The run's name. */
  run: null,
  model: null,
  /** "coordinator" or "worker". */
  role: null,
  /** The worker's id in the coordinator's metrics; empty, which to Prometheus is no label, on the coordinator. */
  worker: null,
} as const;
