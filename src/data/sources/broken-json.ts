/** Diagnoses why a text is not JSON (encoding, line ends, the program that wrote it), and what to do. Pure. */
import { CoxswainError } from "../../errors.js";
import { convertedName } from "../converted-name.js";

/** First bytes, with or without a byte-order mark; longer ones first. */
const encodings: readonly (readonly [start: RegExp, name: string])[] = [
  [/^(\xff\xfe\0\0|[[{]\0\0\0)/, "UTF-32LE"],
  [/^(\0\0\xfe\xff|\0\0\0[[{])/, "UTF-32BE"],
  [/^(\xff\xfe|[[{]\0)/, "UTF-16LE"],
  [/^(\xfe\xff|\0[[{])/, "UTF-16BE"],
];

/** @throws CoxswainError "data" that names the encoding of a file whose first bytes are those of UTF-16 or UTF-32 */
export function refuseByEncoding(file: string, bytes: Buffer): void {
  const start = bytes.subarray(0, 4).toString("latin1");
  const name = encodings.find(([pattern]) => pattern.test(start))?.[1];
  if (name === undefined) return;
  throw new CoxswainError("data", `${file}: is ${name} text, not UTF-8`, {
    hint: `Convert it: iconv -f ${name} -t UTF-8 '${file}' > '${convertedName(file)}'`,
  });
}

const shape = "A .jsonl file has one complete JSON object per line.";

/**
 * What to do about a text that JSON.parse rejects.
 * @param message its error message
 * @param what "line", or "file" and "item" for a JSON list
 */
export function brokenJsonHint(file: string, text: string, message: string, what: "line" | "file" | "item"): string {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""').trim();
  if (text.includes("\0")) {
    return `The ${what} contains NUL bytes, as after a crash while it was written: create the file again, or remove them.`;
  }
  if (/\}[ \t]*\r[ \t]*\{/.test(bare)) {
    return `Its lines end with only a carriage return. Convert it: tr '\\r' '\\n' < '${file}' > '${convertedName(file)}'`;
  }
  if (/^[[{]$/.test(bare)) {
    return `${shape} This one is spread over several lines. Convert it: jq -c . '${file}' > '${convertedName(file)}'`;
  }
  if (text.startsWith("\x1e")) {
    return `It begins with the record separator of JSON text sequences. Remove it: tr -d '\\036' < '${file}' > '${convertedName(file)}'`;
  }
  if (/^(\/\/|\/\*|#)/.test(bare)) return "JSON has no comments: remove this line.";
  if (/^-\s+[\w"']+:(\s|$)|^---$/.test(bare)) return `This looks like YAML, which is not read. ${shape}`;
  if (/[[{,:]\s*[\u201c\u201d\u201e\u00ab]/.test(bare)) {
    return 'JSON has straight quotes ("): an editor or a word processor has replaced them by typographic ones.';
  }
  if (what === "line" && /\}\s*\{/.test(bare)) {
    return `${shape} This line has several. Separate them: jq -c . '${file}' > '${convertedName(file)}'`;
  }
  if (/[[{,:]\s*-?(NaN|Infinity)\b/.test(bare)) return "JSON has no NaN and no Infinity: write null, or omit the key.";
  if (/[[{,:]\s*('|(True|False|None)\b)/.test(bare)) {
    return "This is a Python literal, not JSON (single quotes, True, None): write it with json.dumps.";
  }
  if (bare.endsWith(",") && what === "line") return `${shape} Remove the comma at its end.`;
  if (/,\s*[}\]]/.test(bare)) return "JSON does not allow a comma before a closing bracket: remove it.";
  return endsEarly(text, message) ? `${shape} The ${what} may be truncated.` : `${shape} Correct the ${what}.`;
}

/** Whether the parser reached the end of the text before it failed. */
function endsEarly(text: string, message: string): boolean {
  if (/end of JSON input|Unterminated string/.test(message)) return true;
  const position = /at position (\d+)/.exec(message)?.[1];
  return position !== undefined && Number(position) >= text.trimEnd().length;
}
