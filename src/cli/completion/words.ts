/** Lists what can be completed: the commands, options and values of the program. Pure. */
import type { Argument, Command, Option } from "commander";

/** The kind of value that an option or argument takes. */
export type Value =
  /** Cannot be completed: a number, a name, an address. */
  | { readonly kind: "any" }
  | { readonly kind: "file" }
  | { readonly kind: "folder" }
  | { readonly kind: "choice"; readonly choices: readonly string[] };

export interface OptionWords {
  /** "-h", "--help" */
  readonly flags: readonly string[];
  readonly description: string;
  /** Undefined if it takes none. */
  readonly value: Value | undefined;
  readonly repeatable: boolean;
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  readonly arguments: readonly { readonly name: string; readonly value: Value }[];
}

export interface ProgramWords extends Omit<CommandWords, "arguments"> {
  readonly commands: readonly CommandWords[];
}

export function wordsOf(program: Command): ProgramWords {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const names = commands.map((command) => command.name());
  const optionsOf = (command: Command): OptionWords[] => help.visibleOptions(command).map(optionWords);
  return {
    name: program.name(),
    description: program.description(),
    options: optionsOf(program),
    commands: commands.map((command) => ({
      name: command.name(),
      description: command.description(),
      options: optionsOf(command),
      arguments: command.registeredArguments.map((argument) => ({
        name: argument.name(),
        value: argumentValue(argument, names),
      })),
    })),
  };
}

function optionWords({
  flags,
  short,
  long,
  description,
  argChoices,
  required,
  optional,
  variadic,
}: Option): OptionWords {
  const placeholder = /[<[](.+)[>\]]/.exec(flags)?.[1] ?? "";
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: required || optional ? valueOf(placeholder, argChoices) : undefined,
    repeatable: variadic || description.includes("(repeatable)"),
  };
}

function argumentValue(argument: Argument, commands: readonly string[]): Value {
  if (argument.name() === "command") return { kind: "choice", choices: commands };
  // A run file or an output folder.
  return argument.name() === "run" ? { kind: "file" } : valueOf(argument.name(), argument.argChoices);
}

/** Derives the kind from the placeholder in the help. */
function valueOf(placeholder: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: "choice", choices };
  if (/\bfiles?\b/.test(placeholder)) return { kind: "file" };
  if (/\bfolder\b/.test(placeholder)) return { kind: "folder" };
  return { kind: "any" };
}
