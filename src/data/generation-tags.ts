/**
 * `{% generation %} … {% endgeneration %}`: transformers' way for a chat template to mark the assistant's text. A
 * marker character is written at its start and its end; after rendering, the markers are removed and their positions
 * give the exact spans. Knows only text, not tokens or messages.
 */

/** A half-open range of a text, in UTF-16 units. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

export interface MarkedText {
  readonly text: string;
  /** In order, not overlapping. */
  readonly spans: readonly TextSpan[];
}

/** The two characters written at a span's start and end. */
export type Markers = readonly [start: string, end: string];

/** Two private-use characters that occur in none of the texts, so that markers are unambiguous. */
export function chooseMarkers(...texts: readonly string[]): Markers {
  const free: string[] = [];
  for (let code = 0xe0f0; code <= 0xf8ff && free.length < 2; code++) {
    const character = String.fromCharCode(code);
    if (!texts.some((text) => text.includes(character))) free.push(character);
  }
  const [start, end] = free;
  if (start === undefined || end === undefined) throw new Error("the text uses every private-use character");
  return [start, end];
}

/** Removes the markers from a rendered text. */
export function extractSpans(rendered: string, [startMarker, endMarker]: Markers): MarkedText {
  const spans: TextSpan[] = [];
  let text = "";
  let from = 0;
  let start = 0;
  for (let at = 0; at < rendered.length; at++) {
    const character = rendered[at];
    if (character !== startMarker && character !== endMarker) continue;
    text += rendered.slice(from, at);
    from = at + 1;
    if (character === startMarker) start = text.length;
    else if (text.length > start) spans.push({ start, end: text.length });
  }
  return { text: text + rendered.slice(from), spans };
}
