/** The completion script for zsh, to be sourced or saved as `_coxswain` in a folder of `$fpath`. Pure. */
import type { CommandWords, OptionWords, ProgramWords, Value } from "./words.js";

export function zshScript({ name, options, commands }: ProgramWords): string {
  return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), after compinit
_${name}() {
  local curcontext="$curcontext" state line
  local -a commands
  commands=(
${commands.map((command) => `    ${quoted(`${command.name}:${command.description}`)}`).join("\n")}
  )
  _arguments -C ${[...options.flatMap(specs), "'1: :->command'", "'*::argument:->arguments'"].join(continued(4))}
  case $state in
    command) _describe -t commands command commands ;;
    arguments)
      case $line[1] in
${commands.map(commandCase).join("\n")}
      esac
      ;;
  esac
}
if [[ "\${funcstack[1]}" == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
}

const continued = (indent: number): string => ` \\\n${" ".repeat(indent)}`;

function commandCase({ name, options, arguments: values }: CommandWords): string {
  const positions = values.map((argument, index) => quoted(`${index + 1}:${argument.name}:${action(argument.value)}`));
  return `        ${name}) _arguments ${[...options.flatMap(specs), ...positions].join(continued(10))} ;;`;
}

/** One spec per flag; each excludes the others unless the option is repeatable. */
function specs({ flags, description, value, repeatable }: OptionWords): string[] {
  const others = repeatable || flags.length === 1 ? "" : `(${flags.join(" ")})`;
  return flags.map((flag) => {
    const takes = value === undefined ? "" : flag.startsWith("--") ? "=" : "+";
    const argument = value === undefined ? "" : `:value:${action(value)}`;
    return quoted(`${repeatable ? "*" : others}${flag}${takes}[${escaped(description)}]${argument}`);
  });
}

function action(value: Value): string {
  switch (value.kind) {
    case "any":
      return " ";
    case "file":
      return "_files";
    case "folder":
      return "_files -/";
    case "choice":
      return `(${value.choices.join(" ")})`;
  }
}

const escaped = (text: string): string => text.replaceAll(/[[\]\\]/g, "\\$&");

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
