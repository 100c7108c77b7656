/** Lets the live page see every line that is written of a run. */
import { readEvents, readMetrics, type RunFiles } from "../telemetry/index.js";
import type { LiveRecord } from "./record.js";

/**
 * The same files, each line of which the record is told as well.
 * @param outputDir where they are: what they hold already is the run's past
 * @throws CoxswainError "storage"
 */
export function observed(files: RunFiles, outputDir: string, record: LiveRecord): RunFiles {
  record.reset(readMetrics(outputDir));
  for (const event of readEvents(outputDir)) record.addEvent(event);
  return {
    ...files,
    appendMetrics: (line) => {
      files.appendMetrics(line);
      record.add(line);
    },
    appendEvent: (event) => {
      files.appendEvent(event);
      record.addEvent(event);
    },
    rewind: (step) => {
      files.rewind(step);
      record.reset(readMetrics(outputDir));
    },
  };
}
