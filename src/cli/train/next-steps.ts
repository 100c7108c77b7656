/** Commands that a user can paste into the terminal where this was started. Pure. */
import { isAbsolute, relative, sep } from "node:path";
import type { Override } from "../../config/index.js";

/** How this program was started, and where. */
export interface Start {
  /** The folder of the package, with its package.json. */
  readonly packageFolder: string;
  /** The script that was run: `process.argv[1]`. */
  readonly script: string;
  readonly workingFolder: string;
}

/** The command with which the user starts this program: `npx coxswain` if it belongs to the current project. */
export function programName({ packageFolder, script, workingFolder }: Start): string {
  const modules = packageFolder.lastIndexOf(`${sep}node_modules${sep}`);
  const project = modules < 0 ? packageFolder : packageFolder.slice(0, modules) || sep;
  if (isWithin(project, workingFolder)) return "npx coxswain";
  // npx keeps the packages that it downloads in a cache.
  if (packageFolder.includes(`${sep}_npx${sep}`)) return "npx coxswain";
  if (modules >= 0 || /[\\/]coxswain$/.test(script)) return "coxswain";
  return `node ${word(shortPath(script, workingFolder))}`;
}

/** A path, relative if it is within the working folder. */
export function shortPath(path: string, workingFolder: string): string {
  if (!isAbsolute(path) || !isWithin(workingFolder, path)) return path;
  return relative(workingFolder, path) || ".";
}

/** The command that continues a run: with the options that it was started with, except its secrets. */
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

/** The options that a run was started with. */
export interface ResumedRun {
  readonly command: string;
  /** Path of the run file. */
  readonly file: string;
  readonly sets: readonly Override[];
  readonly insecure: boolean;
  readonly rescue?: string | undefined;
}

/** Commands that use an adapter; it names its base model and contains the chat template. */
export function useCommands(program: string, adapter: string, workingFolder: string): readonly string[] {
  const path = word(shortPath(adapter, workingFolder));
  return [`${program} generate --adapter ${path} --prompt "…"`, `${program} merge --adapter ${path} --output merged`];
}

/** Hides the token, which may be part of the whole section `cluster`: the command is printed and logged. */
const withoutToken = (setting: string): string => setting.replace(/^(\s*cluster(?:\.token)?\s*=).*$/s, "$1…");

/** Text that needs no quotes in a shell. A backslash separates folders only on Windows. */
const plain = sep === "\\" ? /^[\p{L}\p{N}_@%+=:,.…/\\-]+$/u : /^[\p{L}\p{N}_@%+=:,.…/-]+$/u;

/** A word of a command line, in quotes if it needs them. */
const word = (text: string): string => (plain.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
