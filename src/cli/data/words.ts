/** Numbers as people read them. Pure. */

export const number = (value: number): string => value.toLocaleString("en-GB");

export const counted = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

/** "12.3 %"; never "0.0 %" of something, nor "100.0 %" of almost everything. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return "0 %";
  if (part === whole) return "100 %";
  const value = Math.min(99.9, (100 * part) / whole);
  return value < 0.1 ? "< 0.1 %" : `${value.toFixed(1)} %`;
}
