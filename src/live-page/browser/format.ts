/** Formats figures for people. */

/** Four significant digits, or a dash if unknown. */
export function figure(value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e9))
    return value
      .toExponential(2)
      .replace(/\.?0*e/, "e")
      .replace("e-", "e−")
      .replace("e+", "e");
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}

/** Whole numbers, with separators. */
export const count = (value: number): string => Math.round(value).toLocaleString("en");

/** "250 ms", "4.2 s", "42 s", "3 min 5 s", "2 h 10 min", "3 d 4 h": the two largest units. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds > 0 && seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const units: readonly (readonly [string, number])[] = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ];
  const largest = units.findIndex(([, size]) => whole >= size);
  const parts: string[] = [];
  let left = whole;
  for (const [unit, size] of units.slice(largest, largest + 2)) {
    const amount = Math.floor(left / size);
    left -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.join(" ");
}

/** "21:58:24"; of another day "Nov 26, 21:58". */
export function clock(time: Date, now: Date): string {
  const isToday = time.toDateString() === now.toDateString();
  return isToday
    ? time.toLocaleTimeString("en", { hourCycle: "h23" })
    : time.toLocaleString("en", {
        hourCycle: "h23",
        month: "short",
        day: "numeric",
        hour: "2-digit",
        minute: "2-digit",
      });
}

/** "worker_joined" -> "worker joined". */
export const words = (name: string): string => name.replaceAll("_", " ");

/** What an event says beside its name: "worker a, step 5". */
export function details(values: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(values)
    .filter(([name]) => name !== "pid")
    .map(([name, value]) => {
      const text = typeof value === "number" ? figure(value) : String(value);
      return name === "reason" || name === "error" ? text : `${words(name)} ${text}`;
    })
    .join(", ");
}
