/** A machine with two GPUs, as reported by NVIDIA's dcgm-exporter. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const labels = (gpu: number): string =>
  `gpu="${gpu}",UUID="GPU-0000000${gpu}",pci_bus_id="00000000:0${gpu}:00.0",device="nvidia${gpu}",` +
  'modelName="NVIDIA H100 80GB HBM3",Hostname="node-1",DCGM_FI_DRIVER_VERSION="550.54.15"';

const metrics: readonly (readonly [name: string, help: string, values: readonly [number, number]])[] = [
  ["DCGM_FI_DEV_GPU_TEMP", "GPU temperature (in C).", [61, 58]],
  ["DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", [512.4, 498.1]],
  ["DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", [97, 95]],
  ["DCGM_FI_DEV_FB_FREE", "Framebuffer memory free (in MiB).", [20_137, 24_002]],
  ["DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", [60_910, 57_045]],
];

const exposition = metrics
  .map(([name, help, values]) => {
    const samples = values.map((value, gpu) => `${name}{${labels(gpu)}} ${value}`);
    return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...samples].join("\n");
  })
  .join("\n");

export interface Exporter {
  /** HOST:PORT. */
  readonly address: string;
  close(): void;
}

export async function startGpuExporter(): Promise<Exporter> {
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.end(`${exposition}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
