/** What an earlier coordinator of the run recorded of the data sets that it read. Pure. */
import type { RecordedDataset } from "../../data/index.js";
import type { RunEvent } from "../../telemetry/index.js";

/** @param events of `events.jsonl`; those of other releases may lack something, and are passed over */
export function recordedDatasets(events: readonly RunEvent[]): RecordedDataset[] {
  return events.flatMap((event): RecordedDataset[] => {
    if (event.event !== "dataset_resolved") return [];
    const { dataset, commit } = event;
    const by = ways.find((way) => way === event["by"]);
    if (typeof dataset !== "string" || typeof commit !== "string" || by === undefined) return [];
    const text = (key: string): string | null => (typeof event[key] === "string" ? event[key] : null);
    return [{ dataset, config: text("config"), split: text("split"), revision: text("revision"), commit, by }];
  });
}

const ways = ["README.md", "file names", "refs/convert/parquet"] as const satisfies readonly RecordedDataset["by"][];
