/**
 * Patterns of file names as `datasets` (fsspec) reads them: `*` and `?` within a name, `[a-z]`, and `**` for any number
 * of folders. Hidden files, and folders that start with `__`, match only where the pattern names them. Pure.
 */

export const hasMagic = (pattern: string): boolean => /[*?[]/.test(pattern);

/** Files that `datasets` never takes for data unless they are named exactly. */
const notData: ReadonlySet<string> = new Set([
  "README.md",
  "config.json",
  "dataset_info.json",
  "dataset_infos.json",
  "dummy_data.zip",
  "dataset_dict.json",
]);

/**
 * The names that match, in name order.
 * @param pattern relative to the repository, with "/"
 */
export function globNames(pattern: string, names: readonly string[]): string[] {
  const clean = pattern.replace(/^(?:\.?\/)+/, "");
  const last = lastPart(clean);
  const matches = hasMagic(clean) ? matcher(clean) : (name: string): boolean => name === clean;
  return names
    .filter((name) => matches(name))
    .filter((name) => !notData.has(lastPart(name)) || lastPart(name) === last)
    .filter((name) => special(folders(name), /^__/) === special(folders(clean), /^__/))
    .filter((name) => special(name.split("/"), /^\.(?!\.*$)/) === special(clean.split("/"), /^\.(?!\.*$)/))
    .sort(byCodePoints);
}

/** UTF-8 sorts by code points, as Python does. */
export const byCodePoints = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export const lastPart = (name: string): string => name.slice(name.lastIndexOf("/") + 1);

const folders = (name: string): string[] => name.split("/").slice(0, -1);

const special = (parts: readonly string[], kind: RegExp): number => parts.filter((part) => kind.test(part)).length;

function matcher(pattern: string): (name: string) => boolean {
  const parts = pattern.split("/");
  const source = parts
    .map((part, index) => {
      const isLast = index === parts.length - 1;
      if (part === "**") return isLast ? ".*" : "(?:.+/)?";
      return `${part === "*" ? "[^/]+" : partSource(part)}${isLast ? "" : "/"}`;
    })
    .join("");
  const expression = new RegExp(`^(?:${source})$`, "su");
  return (name) => expression.test(name);
}

function partSource(part: string): string {
  return part.replaceAll(/\*+|\?|\[(!?)(\]?[^\]]*)\]|[\s\S]/gu, (piece: string, not?: string, set?: string) => {
    if (piece.startsWith("*")) return "[^/]*";
    if (piece === "?") return "[^/]";
    if (set !== undefined && piece.length > 1) {
      if (set === "") return not === "!" ? "." : "(?!)";
      // A hyphen is a range between two characters, and itself at the ends or after a range.
      const inner = set
        .replaceAll(/[\\\]^[]/g, "\\$&")
        .replaceAll(/^-|-$/g, "\\-")
        .replaceAll(/(.-.)-/gu, "$1\\-");
      return `[${not === "!" ? "^" : ""}${inner}]`;
    }
    return piece.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, (character) => (character === "-" ? "\\x2d" : `\\${character}`));
  });
}
