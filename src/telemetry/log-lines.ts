/** Formats log records as human-readable lines, for terminals. */
import type pc from "picocolors";

type Colours = ReturnType<typeof pc.createColors>;
type Paint = (text: string) => string;

/** Names and colours of pino's levels. */
const levels = (colours: Colours): Readonly<Record<number, readonly [string, Paint]>> => ({
  10: ["TRACE", colours.gray],
  20: ["DEBUG", colours.gray],
  30: ["INFO ", colours.green],
  40: ["WARN ", colours.yellow],
  50: ["ERROR", colours.red],
  60: ["FATAL", colours.red],
});

/** Fields that the line shows separately, or that are of no use on a terminal. */
const shownApart = new Set(["level", "time", "msg", "name", "pid", "hostname"]);

/**
 * `09:15:02 INFO  coordinator  a worker joined  worker=w-1 workers=2`
 * @param record a line of JSON as pino writes it; anything else is returned unchanged
 */
export function formatLogLine(record: string, colours: Colours): string {
  const fields = parse(record);
  if (fields === undefined) return record;
  const [name, paint] = levels(colours)[Number(fields["level"])] ?? ["?????", colours.gray];
  const time = typeof fields["time"] === "number" ? new Date(fields["time"]).toTimeString().slice(0, 8) : "";
  const rest = Object.entries(fields)
    .filter(([key]) => !shownApart.has(key))
    .map(([key, value]) => `${colours.dim(`${key}=`)}${typeof value === "string" ? value : JSON.stringify(value)}`);
  const parts = [textOf(fields["name"]), textOf(fields["msg"]), rest.join(" ")].filter((part) => part !== "");
  return `${colours.dim(time)} ${paint(name)} ${parts.join("  ")}`;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function parse(record: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(record);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
