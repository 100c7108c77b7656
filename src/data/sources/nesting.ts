/** How deep JSON is nested: what reads it goes as deep, and a stack has an end. Pure. */

/** Lists and objects within each other; Python's reader refuses twice as many. */
export const mostNested = 500;

/** @param text that `value` was read from: a look at it is cheaper than at the value */
export const isTooDeep = (text: string, value: unknown): boolean =>
  hasManyBrackets(text) && isDeeper(value, mostNested);

function hasManyBrackets(text: string): boolean {
  let left = mostNested;
  for (const bracket of "[{")
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (left-- === 0) return true;
  return false;
}

function isDeeper(value: unknown, most: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return most === 0 || Object.values(value).some((inner) => isDeeper(inner, most - 1));
}
