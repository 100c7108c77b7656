/** What a user can paste into the terminal where this was started. Pure: knows no process and no files. */
import { isAbsolute, relative, sep } from "node:path";
import type { Override } from "../../config/index.js";

/** How this program was started, and where. */
export interface Start {
  /** The folder of the package: its package.json is there. */
  readonly packageFolder: string;
  /** What was run, as `process.argv[1]` says it. */
  readonly script: string;
  readonly workingFolder: string;
}

/** What the user types for this program: `npx coxswain` where it belongs to the project that the user is in. */
export function programName({ packageFolder, script, workingFolder }: Start): string {
  const modules = packageFolder.lastIndexOf(`${sep}node_modules${sep}`);
  const project = modules < 0 ? packageFolder : packageFolder.slice(0, modules) || sep;
  if (isWithin(project, workingFolder)) return "npx coxswain";
  // npx keeps what it fetched in a cache of its own.
  if (packageFolder.includes(`${sep}_npx${sep}`)) return "npx coxswain";
  if (modules >= 0 || /[\\/]coxswain$/.test(script)) return "coxswain";
  return `node ${word(shortPath(script, workingFolder))}`;
}

/** A path, relative where that is within the working folder. */
export function shortPath(path: string, workingFolder: string): string {
  if (!isAbsolute(path) || !isWithin(workingFolder, path)) return path;
  return relative(workingFolder, path) || ".";
}

/** The command that goes on with a run: what it was started with, but for its secret. */
export function resumeCommand(
  program: string,
  { command, file, sets, insecure, rescue }: ResumedRun,
  workingFolder: string,
): string {
  const flags = sets.flatMap((set) => (typeof set === "string" ? ["--set", withoutToken(set)] : [set.flag, set.value]));
  const more = [...(insecure ? ["--insecure"] : []), ...(rescue === undefined ? [] : ["--rescue", rescue])];
  const words = [command, shortPath(file, workingFolder), "--resume", ...more, ...flags];
  return [program, ...words.map(word)].join(" ");
}

/** What a run was started with. */
export interface ResumedRun {
  readonly command: string;
  /** Of the run file. */
  readonly file: string;
  readonly sets: readonly Override[];
  readonly insecure: boolean;
  readonly rescue?: string | undefined;
}

/** The commands that use an adapter, which knows its base model and chat template. */
export function useCommands(program: string, adapter: string, workingFolder: string): readonly string[] {
  const path = word(shortPath(adapter, workingFolder));
  return [`${program} generate --adapter ${path} --prompt "…"`, `${program} merge --adapter ${path} --output merged`];
}

/** The secret, which may be given with its whole section, is not to be read over a shoulder or in a log. */
const withoutToken = (setting: string): string => setting.replace(/^(\s*cluster(?:\.token)?\s*=).*$/s, "$1…");

/** Text that no shell takes apart. A backslash is a folder's on Windows alone. */
const plain = sep === "\\" ? /^[\p{L}\p{N}_@%+=:,.…/\\-]+$/u : /^[\p{L}\p{N}_@%+=:,.…/-]+$/u;

/** A word of a command line, in quotes where it needs them. */
const word = (text: string): string => (plain.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
