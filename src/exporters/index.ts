/** Passes a run's figures on to TensorBoard and to commands: the public interface of `exporters/`. */
export type { ExporterTrouble } from "./exporter.js";
export { openExporters, type Exporters } from "./open.js";
