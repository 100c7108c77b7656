/**
 * Numbers in JSON that Python would write in another way than JavaScript once they are read: 21.0, 1e5, or a whole
 * number beyond 2^53. In a tool call they are text that a model learns.
 */

/** A string, or a number outside of strings. */
const token = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/g;

/** Whether `json.dumps(json.loads(text))` in Python is not `JSON.stringify(JSON.parse(text))` here. */
function differs(text: string): boolean {
  const value = Number(text);
  if (!/[.eE]/.test(text)) return !Number.isSafeInteger(value);
  const magnitude = Math.abs(value);
  return Number.isInteger(value) || magnitude < 1e-4 || magnitude >= 1e16;
}

/**
 * The first such number of a JSON text, as it is spelt there, or null.
 * @param json valid JSON
 */
export function respeltNumber(json: string): string | null {
  for (const [text] of json.matchAll(token)) if (!text.startsWith('"') && differs(text)) return text;
  return null;
}
