/** The completion script for fish. Pure. */
import type { CommandWords, OptionWords, ProgramWords, Value } from "./words.js";

export function fishScript({ name, options, commands }: ProgramWords): string {
  const line = (...parts: readonly string[]): string =>
    ["complete -c", name, ...parts.filter((part) => part !== "")].join(" ");
  const first = `-n ${quoted("__fish_use_subcommand")}`;
  const lines = [
    `# Completion of ${name} for fish: ${name} completion fish | source`,
    line("-f"),
    ...options.map((option) => line(first, ...optionParts(option))),
    ...commands.map((command) => line(first, "-a", command.name, "-d", quoted(command.description))),
    ...commands.flatMap((command) => commandLines(command, line)),
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines(
  { name, options, arguments: values }: CommandWords,
  line: (...parts: string[]) => string,
): string[] {
  const within = `-n ${quoted(`__fish_seen_subcommand_from ${name}`)}`;
  return [
    ...values.map(({ value }) => line(within, argumentPart(value))),
    ...options.map((option) => line(within, ...optionParts(option))),
  ];
}

function optionParts({ flags, description, value }: OptionWords): string[] {
  return [
    ...flags.map((flag) => (flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)),
    value === undefined ? "" : valuePart(value),
    `-d ${quoted(description)}`,
  ];
}

const folders = "-a '(__fish_complete_directories)'";

const choicesPart = (choices: readonly string[]): string => `-a ${quoted(choices.join(" "))}`;

function valuePart(value: Value): string {
  switch (value.kind) {
    case "any":
      return "-x";
    case "file":
      return "-r -F";
    case "folder":
      return `-x ${folders}`;
    case "choice":
      return `-x ${choicesPart(value.choices)}`;
  }
}

function argumentPart(value: Value): string {
  switch (value.kind) {
    case "any":
      return "-f";
    case "file":
      return "-F";
    case "folder":
      return folders;
    case "choice":
      return choicesPart(value.choices);
  }
}

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
