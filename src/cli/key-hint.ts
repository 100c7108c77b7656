/**
 * What is said where a key of the run file was given as an option (`--learning_rate 1e-4`), as other trainers have it. Pure;
 * does not know which keys exist.
 */
import type { Command } from "commander";

/**
 * @param message commander's, of a command line that it refuses
 * @param words the command line
 * @param keyLike the dotted key that a name probably means, or undefined
 * @returns a line to print after the message; undefined where the option is no key, or the command takes no `--set`
 */
export function keyHint(
  message: string,
  words: readonly string[],
  commands: readonly Command[],
  keyLike: (name: string) => string | undefined,
): string | undefined {
  const option = /unknown option '(--[^']+)'/.exec(message)?.[1];
  // Commander has suggested an option of the command.
  if (option === undefined || message.includes("Did you mean")) return undefined;
  const command = commands.find((candidate) => candidate.name() === words[0]);
  if (command?.options.some(({ long }) => long === "--set") !== true) return undefined;
  const [name = "", ...assigned] = option.slice("--".length).split("=");
  const key = keyLike(name);
  if (key === undefined) return undefined;
  const next = words[words.indexOf(option) + 1];
  const value = assigned.length > 0 ? assigned.join("=") : next === undefined || next.startsWith("--") ? "…" : next;
  const setting = `${key}=${value}`;
  return `hint: a key of the run file is set by --set ${/^[\w./:@+…=-]+$/.test(setting) ? setting : `'${setting.replaceAll("'", "'\\''")}'`}`;
}
