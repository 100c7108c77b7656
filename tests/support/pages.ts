/** The Markdown pages of the project, taken apart. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../../", import.meta.url));
export const inProject = (path: string): string => join(project, path);
export const readPage = (path: string): string => readFileSync(inProject(path), "utf8");

/** Paths of all pages, from the project's folder. */
export const pages: readonly string[] = [
  ...[
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "examples/quickstart/README.md",
    "examples/quickstart/model/README.md",
  ],
  ...["bench/README.md", "tests/peers/README.md", "deploy/README.md", "deploy/helm/coxswain/README.md"],
  ...readdirSync(inProject("docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The cells of a page's table rows whose first cell is code, by that code. */
export function rowsOf(text: string): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const cells = line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim());
    const code = /^`([^`]+)`$/.exec(cells[0]!)?.[1];
    if (!line.startsWith("| `") || code === undefined) continue;
    if (rows.has(code)) throw new Error(`two rows are about ${code}`);
    rows.set(code, cells.slice(1));
  }
  return rows;
}

/** From a heading of the second level to the next one. */
export function sectionOf(text: string, title: string): string {
  const from = text.indexOf(`\n## ${title}\n`);
  if (from < 0) throw new Error(`there is no section ${title}`);
  const to = text.indexOf("\n## ", from + 1);
  return text.slice(from, to < 0 ? undefined : to);
}

/** Fenced blocks of a language ("" for none), without the indentation of a list that they stand in. */
export function blocksOf(text: string, language: string): string[] {
  const blocks = text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm);
  return [...blocks].flatMap(([, indent = "", named, block = ""]) =>
    named === language ? [block.replaceAll(new RegExp(`^${indent}`, "gm"), "")] : [],
  );
}

/** What a link may name after "#": the headings as GitHub writes them. */
export function anchorsOf(text: string): string[] {
  const seen = new Map<string, number>();
  const withoutBlocks = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
  return [...withoutBlocks.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) => {
    const slug = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

/** Command lines of a program that a page shows: in `sh` blocks, after "$ ", and in running text. */
export function commandLines(text: string, program: string): string[] {
  const shell = blocksOf(text, "sh").join("\n").replaceAll("\\\n", " ");
  const typed = shell.split("\n").map((line) => line.replace(/\s#.*$/, ""));
  const shown = [...text.matchAll(/^\$ (.*)$/gm)].map(([, line = ""]) => line);
  const withoutBlocks = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
  const inline = [...withoutBlocks.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  return [...typed, ...shown, ...inline]
    .flatMap((line) => line.split(/&&|\||"\$\(|<\(/))
    .map((line) => line.trim().replace(/^(?:[A-Z_]+=\S+ +|npx )*/, ""))
    .filter((line) => line.startsWith(`${program} `));
}
