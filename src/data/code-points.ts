/** Converts between two ways of counting characters: code points (Rust, Python) and UTF-16 units (JavaScript). */

const surrogate = /[\ud800-\udfff]/;

/**
 * Where each code point of `text` starts, in UTF-16 units, with the text's length at the end; null if both counts are
 * equal. A lone surrogate counts as one code point, like the U+FFFD that replaces it.
 */
export function codePointStarts(text: string): Int32Array | null {
  if (!surrogate.test(text)) return null;
  const starts: number[] = [];
  let at = 0;
  for (const character of text) {
    starts.push(at);
    at += character.length;
  }
  starts.push(at);
  return Int32Array.from(starts);
}
