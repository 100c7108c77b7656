/** The completion script for bash 4 and later; works without the package bash-completion. Pure. */
import type { CommandWords, OptionWords, ProgramWords, Value } from "./words.js";

export function bashScript({ name, options, commands }: ProgramWords): string {
  return `# Completion of ${name} for bash: eval "$(${name} completion bash)"
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= word i
  COMPREPLY=()
  # bash splits --option=value into three words
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word != -* ]]; then
      command=$word
      break
    fi
  done
  case $command in
    "")
      ${words([...commands.map((command) => command.name), ...flagsOf(options)])}
      return
      ;;
${commands.map(commandCase).join("\n")}
  esac
}
complete -o default -o bashdefault -F _${name} ${name}
`;
}

function commandCase({ name, options, arguments: values }: CommandWords): string {
  const cases = options.flatMap(({ flags, value }) =>
    value === undefined ? [] : [`        ${flags.join(" | ")}) ${reply(value)}; return ;;`],
  );
  const [first] = values;
  return `    ${name})
      case $prev in
${cases.join("\n")}
        *) ;;
      esac
      if [[ $cur == -* ]]; then
        ${words(flagsOf(options))}
      else
        ${first === undefined ? nothing : reply(first.value)}
      fi
      ;;`;
}

const flagsOf = (options: readonly OptionWords[]): string[] => options.flatMap(({ flags }) => flags);

const words = (choices: readonly string[]): string => `COMPREPLY=($(compgen -W "${choices.join(" ")}" -- "$cur"))`;

/** Switches off the default, which completes files. */
const nothing = "compopt +o default +o bashdefault";

function reply(value: Value): string {
  switch (value.kind) {
    case "any":
      return nothing;
    case "file":
      // The default completes files, and quotes them.
      return ":";
    case "folder":
      return `compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur")`;
    case "choice":
      return words(value.choices);
  }
}
