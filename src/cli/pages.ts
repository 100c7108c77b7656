/** Messages and help name the documentation as a clone has it; elsewhere its pages are in the installed package. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const packageFolder = resolve(fileURLToPath(new URL("../../", import.meta.url)));

/**
 * A text with the path of each page under which it is found from the working directory: `docs/run-file.md` in the package's
 * own folder, absolute elsewhere. A page that is not installed is left as it is.
 */
export function withPages(text: string, workingDirectory: string, folder = packageFolder): string {
  if (workingDirectory === folder) return text;
  return text.replaceAll(/(?<![\w./-])(?:docs\/[\w-]+\.md|README\.md)\b/g, (page) => {
    const path = join(folder, page);
    return existsSync(path) ? path : page;
  });
}

/** Empty where it has been deleted, which is told as an error of its own. */
export function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    return "";
  }
}
