/** Opens what the run file asks for: `telemetry.tensorboard` and `telemetry.exec`. Loaded code is that alone. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.js";
import { runNames, serializeRun, type RunConfig } from "../config/index.js";
import { readMetrics } from "../telemetry/index.js";
import { commandEnvironment } from "./environment.js";
import type { Exporter, ExporterTrouble } from "./exporter.js";

export interface Exporters {
  readonly listeners: readonly Exporter[];
  begin(report: (trouble: ExporterTrouble) => void): void;
  /** May wait for a bounded time, for the user's command. Idempotent. */
  close(): Promise<void>;
}

/**
 * @param step the step that the run continues from; 0 at the beginning
 * @throws CoxswainError "storage" if their files cannot be created
 */
export async function openExporters(config: RunConfig, step: number, clock: Clock): Promise<Exporters> {
  const { output_dir: outputDir, telemetry } = config;
  const listeners: Exporter[] = [];
  let closed: Promise<unknown> | undefined;
  const close = async (): Promise<void> => {
    closed ??= Promise.all(listeners.map((each) => each.close()));
    await closed;
  };
  try {
    if (telemetry.tensorboard) {
      const { TensorBoardExporter } = await import("./tensorboard/tensorboard.js");
      const options = {
        folder: join(outputDir, "tensorboard"),
        step,
        settings: serializeRun(config),
        past: () => readMetrics(outputDir),
        wallClock: () => clock.wallClock(),
      };
      listeners.push(new TensorBoardExporter(options));
    }
    if (telemetry.exec !== null) {
      const { CommandExporter } = await import("./command/command.js");
      mkdirSync(join(outputDir, "logs"), { recursive: true });
      const environment = commandEnvironment(process.env, { ...runNames(config), outputDir, step });
      const logPath = join(outputDir, "logs", "exec.log");
      listeners.push(new CommandExporter({ command: telemetry.exec, environment, logPath, clock }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { listeners, begin: (report) => listeners.forEach((each) => each.begin(report)), close };
}
