/** The dashboard "machine": what a run's processes take of their machines, and what their GPUs do. */
import * as units from "@grafana/grafana-foundation-sdk/units";
import { dashboard, labelVariable, type Dashboard, type Row } from "./layout.js";
import { chart } from "./panels.js";
import { ofProcess, processLegend, range } from "./queries.js";

const memory: Row = {
  title: "Memory",
  panels: [
    chart({
      title: "Resident memory",
      description: "Per process, including shared pages of model files.",
      unit: units.BytesIEC,
      span: 12,
      min: 0,
      queries: [{ expr: ofProcess("process_resident_memory_bytes"), legend: processLegend }],
    }),
    chart({
      title: "Peak memory of workers",
      description: "Peak resident memory, as predicted by `coxswain doctor`.",
      unit: units.BytesIEC,
      span: 12,
      min: 0,
      queries: [{ expr: ofProcess("coxswain_worker_peak_memory_bytes"), legend: processLegend }],
    }),
    chart({
      title: "JavaScript heap",
      description: "In use. Does not include tensors and gradients.",
      unit: units.BytesIEC,
      span: 12,
      min: 0,
      queries: [{ expr: ofProcess("nodejs_heap_size_used_bytes"), legend: processLegend }],
    }),
    chart({
      title: "Memory outside the heap",
      description: "Buffers held by JavaScript: gradients, replicas, messages. Unbounded growth is a leak.",
      unit: units.BytesIEC,
      span: 12,
      min: 0,
      queries: [{ expr: ofProcess("nodejs_external_memory_bytes"), legend: processLegend }],
    }),
  ],
};

const processor: Row = {
  title: "Processor",
  panels: [
    chart({
      title: "Cores in use",
      description: "Per process. A worker on CPUs should be close to compute.threads while it computes.",
      unit: units.NoUnit,
      span: 12,
      min: 0,
      queries: [{ expr: ofProcess(`rate(process_cpu_seconds_total${range})`), legend: processLegend }],
    }).decimals(2),
    chart({
      title: "Event-loop lag",
      description:
        "The main thread's, 99 % are below. Computing is done in threads of its own, so a second of it means that a " +
        "process answers late, and may be taken for dead after cluster.heartbeat_timeout.",
      unit: units.Seconds,
      span: 12,
      min: 0,
      limit: { value: 1 },
      queries: [{ expr: ofProcess("nodejs_eventloop_lag_p99_seconds"), legend: processLegend }],
    }),
    chart({
      title: "Garbage collection",
      description: "Share of time that the main thread spends on it. More than a few percent deserves attention.",
      unit: units.PercentUnit,
      span: 12,
      min: 0,
      queries: [
        {
          expr: ofProcess(`sum by (job, instance) (rate(nodejs_gc_duration_seconds_sum${range}))`),
          legend: processLegend,
        },
      ],
    }),
    chart({
      title: "Open files and sockets",
      description: "Share of the process's limit.",
      unit: units.PercentUnit,
      span: 12,
      min: 0,
      limit: { value: 0.8 },
      queries: [{ expr: ofProcess("(process_open_fds / process_max_fds)"), legend: processLegend }],
    }),
  ],
};

const gpuLegend = "{{Hostname}} GPU {{gpu}}";
const ofGpu = (metric: string): string => `${metric}{Hostname=~"$host"}`;

/** By NVIDIA's dcgm-exporter, where it is scraped. */
const gpu: Row = {
  title: "GPUs (dcgm-exporter)",
  panels: [
    chart({
      title: "GPU utilisation",
      description: "Share of time in which anything ran on the GPU, not how much of it was used.",
      unit: units.Percent,
      span: 12,
      min: 0,
      queries: [{ expr: ofGpu("DCGM_FI_DEV_GPU_UTIL"), legend: gpuLegend }],
    }).max(100),
    chart({
      title: "GPU memory",
      description: "In use, as a share of the GPU's memory.",
      unit: units.PercentUnit,
      span: 12,
      min: 0,
      limit: { value: 0.95 },
      queries: [
        {
          expr: `${ofGpu("DCGM_FI_DEV_FB_USED")} / (${ofGpu("DCGM_FI_DEV_FB_USED")} + ${ofGpu("DCGM_FI_DEV_FB_FREE")})`,
          legend: gpuLegend,
        },
      ],
    }).max(1),
    chart({
      title: "GPU power",
      description: "Current power. Far below the card's limit while it is busy: it waits for memory, or is throttled.",
      unit: units.Watt,
      span: 12,
      min: 0,
      queries: [{ expr: ofGpu("DCGM_FI_DEV_POWER_USAGE"), legend: gpuLegend }],
    }),
    chart({
      title: "GPU temperature",
      description: "Most cards slow down between 83 and 90 °C.",
      unit: units.Celsius,
      span: 12,
      limit: { value: 83 },
      queries: [{ expr: ofGpu("DCGM_FI_DEV_GPU_TEMP"), legend: gpuLegend }],
    }),
  ],
};

export const machine = (): Dashboard =>
  dashboard({
    title: "Coxswain / Machine",
    description: "Resources used by a run's processes, and GPU activity.",
    uid: "coxswain-machine",
    rows: [memory, processor, gpu],
    variables: [labelVariable("host", "GPU host", "DCGM_FI_DEV_GPU_UTIL", "Hostname")],
  });
