/** Formats numbers for the progress line. Pure. */

/** At most two units: `42s`, `12m 03s`, `3h 05m`, `2d 04h`; "?" if unknown. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "?";
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m ${two(whole % 60)}s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`;
}

const units = ["", "k", "M", "G", "T"] as const;

/** Three digits and a unit: `7`, `12.3`, `999`, `1.20k`, `123k`, `4.56M`. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return "?";
  // Rounded first: 999.6 becomes 1.00k, not 1000.
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  const power = size < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(size) / 3));
  return power === 0 ? String(rounded) : `${(rounded / 1000 ** power).toPrecision(3)}${units[power] ?? ""}`;
}

/** `2.00e-4` */
export function formatLearningRate(value: number): string {
  return value === 0 ? "0" : value.toExponential(2);
}

/** `1.2345`; above a thousand, three digits; NaN and infinities as they are. */
export function formatLoss(value: number): string {
  return Number.isFinite(value) && Math.abs(value) < 1000 ? value.toFixed(4) : formatSmall(value);
}

/** Three digits: `0.531`, `12.3`. */
export function formatSmall(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : String(value);
}
