/**
 * Reads a file under the name by which messages show it: one of the hub's cache as "owner/name: data/train.jsonl", since
 * nobody chose its path. The path is in the hints.
 */
import { sep } from "node:path";
import { CoxswainError } from "../../errors.js";
import { readFile, type FileOptions } from "./file.js";
import type { RawRecord } from "./record.js";
import type { DataSource } from "./selection.js";

/** The folders of the Hugging Face libraries' cache. */
const cached = /[/\\]datasets--(.+?)--([^/\\]+)[/\\]snapshots[/\\][^/\\]+[/\\](.+)$/;

/** How messages name a file of a source. */
export function shownFile(file: string, { path }: Pick<DataSource, "path">): string {
  if (path !== undefined && (file === path || file.startsWith(path.endsWith(sep) ? path : `${path}${sep}`)))
    return file;
  const [, owner, name, inside] = cached.exec(file) ?? [];
  if (owner === undefined || name === undefined || inside === undefined) return file;
  return `${owner}/${name}: ${inside.split(sep).join("/")}`;
}

/** @throws CoxswainError "data" that names the file, and the line, item or row */
export async function* readShownFile(
  file: string,
  source: Pick<DataSource, "path">,
  options: FileOptions,
): AsyncGenerator<RawRecord> {
  const shown = shownFile(file, source);
  if (shown === file) {
    yield* readFile(file, options);
    return;
  }
  const named = (text: string): string => text.replaceAll(file, shown);
  const explained = (error: unknown): unknown => {
    if (!(error instanceof CoxswainError)) return error;
    const place = `The file is ${file}.`;
    const hint = error.hint?.includes(file) === true ? error.hint : [error.hint, place].join(" ").trim();
    return new CoxswainError(error.code, named(error.message), { hint, cause: error });
  };
  const note = options.onNote && ((text: string): void => options.onNote?.(named(text)));
  try {
    for await (const { where, parse } of readFile(file, { onNote: note })) {
      yield {
        where: named(where),
        parse: () => {
          try {
            return parse();
          } catch (error) {
            throw explained(error);
          }
        },
      };
    }
  } catch (error) {
    throw explained(error);
  }
}
