/** Names in a message: a long list is cut. Pure. */

/**
 * "a, b and 3 more"
 * @param most how many are named
 * @param others the word for the rest
 */
export function listed(names: readonly string[], most: number, others: "more" | "others" = "more"): string {
  const rest = names.length - most;
  return names.slice(0, most).join(", ") + (rest > 0 ? ` and ${rest} ${others}` : "");
}
