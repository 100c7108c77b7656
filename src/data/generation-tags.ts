/**
 * `{% generation %} … {% endgeneration %}`: transformers' way for a chat template to say which text is the assistant's.
 * The Jinja library drops these tags. They are rewritten so that each writes a marker character; after rendering, the
 * markers are taken out and where they were is known exactly. Knows text only: no tokens, no messages.
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

/** Names under which a rewritten template expects the markers. */
export const markerVariables = ["__generation_start", "__generation_end"] as const;

export interface RewrittenTemplate {
  readonly source: string;
  /** Whether there was a `{% generation %}` outside of comments. */
  readonly marksGeneration: boolean;
}

const tag = /\{#[\s\S]*?#\}|\{%([-+]?)\s*(end)?generation\s*([-+]?)%\}/g;

/**
 * Puts a marker's expression in the place of every tag, between two empty statements: these keep the tag's effect on
 * the whitespace around it (`trim_blocks`, `lstrip_blocks`, `{%-`, `-%}`), which an expression would not have.
 * @throws Error where the tags don't pair up
 */
export function rewriteGenerationTags(source: string): RewrittenTemplate {
  let open = 0;
  let marksGeneration = false;
  const rewritten = source.replace(tag, (whole, left?: string, end?: string, right?: string) => {
    if (left === undefined) return whole;
    open += end === undefined ? 1 : -1;
    if (open < 0 || open > 1) throw new Error("{% generation %} and {% endgeneration %} don't pair up");
    marksGeneration = true;
    const variable = end === undefined ? markerVariables[0] : markerVariables[1];
    return `{%${left} if false %}{% endif %}{{ ${variable} }}{% if false %}{% endif ${right ?? ""}%}`;
  });
  if (open !== 0) throw new Error("{% generation %} has no {% endgeneration %}");
  return { source: rewritten, marksGeneration };
}

/** Two private-use characters that occur in none of the texts, so that a marker is never somebody's text. */
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

/** Takes the markers out of a rendered text. */
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
