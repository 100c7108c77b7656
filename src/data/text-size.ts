/** About how many characters of text a value of JSON has. */
export function textSize(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null) return 1;
  let size = 0;
  for (const inner of Object.values(value)) size += textSize(inner);
  return size;
}
