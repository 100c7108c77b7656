/**
 * Which files of a data set's repository belong to a configuration and a split, as `datasets` decides: by the
 * configurations in README.md, otherwise by file names. Pure.
 */
import { CoxswainError } from "../../errors.js";
import { listed } from "../../listed.js";
import { cardConfigs, type CardConfig } from "./card.js";
import { formatOf, hasFormat, isData, isReadable } from "./formats.js";
import { globNames, hasMagic } from "./glob.js";
import { splitPatterns, type SplitPatterns } from "./split-patterns.js";

/** What the user asked for. */
export interface Wanted {
  readonly id: string;
  readonly config: string | null;
  readonly split: string;
}

/** What a repository contains. */
export interface RepositoryContent {
  readonly names: readonly string[];
  /** Texts of README.md and `.huggingface.yaml`, if there. */
  readonly readme: string | undefined;
  readonly standalone: string | undefined;
}

export interface Chosen {
  /** In reading order. */
  readonly names: readonly string[];
  readonly config: string;
  /** What decided which files they are. */
  readonly by: "README.md" | "file names";
  /** Files of other formats in the same split, which are not read. */
  readonly unread: readonly string[];
}

/** The repository's own files cannot be used, but their conversion to Parquet might. */
export interface Unusable {
  /** "it is read by the script name.py" */
  readonly reason: string;
}

/**
 * @returns the files, or why they cannot be used as they are
 * @throws CoxswainError "data" for a configuration or split that does not exist: it lists those that do
 */
export function chooseFiles(wanted: Wanted, content: RepositoryContent): Chosen | Unusable {
  const { id } = wanted;
  const { names, readme, standalone } = content;
  const script = `${id.slice(id.indexOf("/") + 1)}.py`;
  if (names.includes(script)) return { reason: `it is read by a script, ${script}` };
  const configs = cardConfigs(id, readme, standalone);
  const config = configs.length === 0 ? undefined : chooseConfig(wanted, configs);
  if (config === undefined && wanted.config !== null && wanted.config !== "default") {
    throw noSuchConfig(wanted, ["default"]);
  }
  const folder = config === undefined || config.folder === "" ? "" : `${config.folder}/`;
  const splits = config?.patterns ?? patternsBelow(folder, names);
  const patterns = splits.get(wanted.split);
  if (patterns === undefined) throw noSuchSplit(wanted, config?.name ?? "default", [...splits.keys()]);
  const address = patterns.find((pattern) => pattern.includes("://"));
  if (address !== undefined) return { reason: `its files are elsewhere, at ${address}` };
  const matched = patterns.flatMap((pattern) => resolved(id, `${folder}${pattern}`, names));
  const data = [...new Set(matched)].filter(isData);
  const format = formatOf(data);
  const chosen = format === undefined ? [] : data.filter((name) => hasFormat(name, format));
  const unreadable = chosen.find((name) => !isReadable(name));
  if (unreadable !== undefined) return { reason: `${unreadable} is compressed in a way that is not supported` };
  if (chosen.length === 0) {
    const some = data[0] ?? matched[0];
    return { reason: some === undefined ? "it has no data files" : `files such as ${some} are not supported` };
  }
  if (config !== undefined && config.readerOptions.length > 0) {
    return {
      reason: `its README.md sets ${config.readerOptions.join(", ")} for reading the files, which is not supported`,
    };
  }
  return {
    names: chosen,
    config: config?.name ?? "default",
    by: config?.patterns == null ? "file names" : "README.md",
    unread: data.filter((name) => !chosen.includes(name)),
  };
}

function patternsBelow(folder: string, names: readonly string[]): SplitPatterns {
  return splitPatterns(names.filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length)));
}

function resolved(id: string, pattern: string, names: readonly string[]): string[] {
  const found = globNames(pattern, names);
  if (found.length > 0 || hasMagic(pattern)) return found;
  throw new CoxswainError("data", `${id} has no file ${pattern}, which its README.md names`, {
    hint: "Choose another revision or configuration, or report it to the data set's owner.",
  });
}

/** The one that is asked for; else the default, or the only one. */
function chooseConfig(wanted: Wanted, configs: readonly CardConfig[]): CardConfig {
  const found =
    wanted.config === null
      ? (configs.find(({ isDefault }) => isDefault) ??
        configs.find(({ name }) => name === "default") ??
        (configs.length === 1 ? configs[0] : undefined))
      : configs.find(({ name }) => name === wanted.config);
  if (found !== undefined) return found;
  throw noSuchConfig(
    wanted,
    configs.map(({ name }) => name),
  );
}

export function noSuchConfig({ id, config, split }: Wanted, there: readonly string[]): CoxswainError {
  const example = `{dataset: ${id}, config: ${there[0] ?? "…"}, split: ${split}}`;
  const what =
    config === null ? `${id} has several configurations: choose one` : `${id} has no configuration "${config}"`;
  return new CoxswainError("data", `${what}. It has: ${namesOf(there)}`, {
    hint: `Set \`config\` to one of these: ${example}.`,
  });
}

export function noSuchSplit({ id, split }: Wanted, config: string, there: readonly string[]): CoxswainError {
  const where = config === "default" ? id : `${id} (configuration ${config})`;
  const hint = /[[\]%]/.test(split)
    ? "Parts of a split are not supported: set `split` to its name, and `limit` to a number of examples."
    : split.includes("+")
      ? "Name several sources, one for each split."
      : `Set \`split\` to one of these: {dataset: ${id}, split: ${there[0] ?? "…"}}.`;
  return new CoxswainError("data", `${where} has no split "${split}". It has: ${namesOf(there)}`, { hint });
}

const namesOf = (names: readonly string[]): string => (names.length === 0 ? "none" : listed(names, 20));
