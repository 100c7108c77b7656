/** `coxswain completion`: prints a script for tab completion of commands, options and their values. */
import { Argument, type Command } from "commander";
import { runCommand } from "../frame.js";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

export function registerCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script for tab completion in a shell")
    .addArgument(new Argument("<shell>", "the shell to print it for").choices(shells))
    .addHelpText(
      "after",
      `
In ~/.bashrc:                    eval "$(coxswain completion bash)"
In ~/.zshrc, after compinit:     source <(coxswain completion zsh)
In ~/.config/fish/config.fish:   coxswain completion fish | source`,
    )
    .action((shell: Shell) =>
      runCommand(async () => {
        const { bashScript, fishScript, wordsOf, zshScript } = await import("./index.js");
        const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
        process.stdout.write(scripts[shell](wordsOf(program)));
      }),
    );
}
