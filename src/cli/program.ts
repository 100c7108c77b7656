/** The program: its commands in groups, its help, and errors of the command line. */
import { Command, CommanderError, type Argument } from "commander";
import { createColors } from "picocolors";
import { version } from "../version.js";
import { coloursFor } from "./terminal/colour.js";
import { registerChaos } from "./chaos/command.js";
import { registerCheckpoint } from "./control/checkpoint.js";
import { registerCompare } from "./compare/command.js";
import { registerCoordinator } from "./coordinator/command.js";
import { registerData } from "./data/command.js";
import { registerDoctor } from "./doctor/command.js";
import { registerEval } from "./eval/command.js";
import { registerGenerate } from "./generate/command.js";
import { keyHint } from "./key-hint.js";
import { registerChat } from "./chat/command.js";
import { registerExport } from "./export/command.js";
import { registerInit } from "./init/command.js";
import { registerLrFind } from "./lr-find/command.js";
import { registerMerge } from "./merge/command.js";
import { withPages, workingFolder } from "./pages.js";
import { registerPause } from "./control/pause.js";
import { registerPlot } from "./plot/command.js";
import { registerPreview } from "./preview/command.js";
import { registerCompletion } from "./completion/command.js";
import { registerPush } from "./push/command.js";
import { registerResume } from "./control/resume.js";
import { registerSchema } from "./schema/command.js";
import { registerServe } from "./serve/command.js";
import { registerStatus } from "./status/command.js";
import { registerStop } from "./control/stop.js";
import { registerSweep } from "./sweep/command.js";
import { registerSubmit } from "./submit/command.js";
import { registerTrain } from "./train/command.js";
import { registerWorker } from "./worker/command.js";

/** Each command has its own file, and loads its dependencies when it is run, so that `--help` is fast. */
const groups: readonly (readonly [heading: string, commands: readonly ((program: Command) => void)[]])[] = [
  ["Train:", [registerTrain, registerCoordinator, registerWorker]],
  ["Control a run:", [registerStatus, registerPause, registerResume, registerCheckpoint, registerStop]],
  ["A queue of runs, over NATS:", [registerSubmit, registerServe]],
  ["Before you train:", [registerInit, registerSchema, registerDoctor, registerData, registerPreview]],
  ["Choose settings:", [registerLrFind, registerSweep]],
  ["Test fault tolerance:", [registerChaos]],
  ["Look at runs:", [registerPlot, registerCompare]],
  ["Use the result:", [registerEval, registerGenerate, registerChat, registerMerge, registerExport, registerPush]],
  ["Other:", [registerCompletion]],
];

const description = `Fine-tunes language models with LoRA across many machines, over gRPC.
The same adapter, to the bit, whatever happens to the machines.`;

const afterHelp = (title: (text: string) => string): string => `
${title("Examples:")}
  coxswain preview run.yaml                     which tokens are trained on
  coxswain train run.yaml                       everything on this machine
  coxswain train run.yaml --workers 4 --set training.learning_rate=1e-4
  coxswain train run.yaml --resume              continue after an interruption
  coxswain coordinator run.yaml --listen 0.0.0.0:7070
  coxswain worker --coordinator HOST:7070       on every other machine
  coxswain status runs/my-run --watch           a live table; also pause, stop …
  coxswain generate --adapter runs/my-run/adapter --prompt "…"

${title("Exit codes:")}
  0 done    1 internal error    2 command line or run file    3 data    4 model
  5 network or cluster    6 disk    7 memory, open files or processes
  8 diverged: the loss or the gradient is not finite
  130 interrupted; continue with --resume

${title("Environment:")}
  COXSWAIN_TOKEN        the run's token, instead of cluster.token
  COXSWAIN_LOG_LEVEL    trace, debug, info (the default), warn, error or silent
  COXSWAIN_DEBUG=1      print stack traces with errors
  NO_COLOR=1            no colours`;

/** Creates the program with all commands. */
export function createProgram(): Command {
  // Commander removes the colours if the output is not a terminal, or NO_COLOR is set.
  const colours = createColors(true);
  const program = new Command("coxswain");
  program
    .description(description)
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    .showHelpAfterError("(see --help)")
    .configureOutput({
      writeOut: (text) => process.stdout.write(withPages(text, workingFolder())),
      outputError: (text, write) => {
        const { bold, red } = coloursFor(process.stderr);
        write(text.replace(/^error:/, bold(red("error:"))));
      },
    })
    .configureHelp({
      styleTitle: (text) => colours.bold(text),
      styleCommandText: (text) => colours.bold(text),
      styleSubcommandTerm: (text) => colours.cyan(text),
      styleOptionTerm: (text) => colours.cyan(text),
      styleArgumentTerm: (text) => colours.cyan(text),
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" "),
    })
    .addHelpText("after", ({ error }) => (error ? "" : afterHelp((text) => colours.bold(text))));
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading);
    for (const register of commands) register(program);
  }
  program.commandsGroup("Other:").helpCommand("help [command]", "print help for a command");
  return program;
}

const argumentTerm = (argument: Argument): string =>
  argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;

/**
 * Runs a command line.
 * @param arguments_ without the program's own name
 * @returns the exit code for help and version (0) and an invalid command line (2); undefined if a command ran, which sets
 *   its own
 */
export async function runProgram(arguments_: readonly string[]): Promise<number | undefined> {
  const program = createProgram();
  try {
    await program.parseAsync([...arguments_], { from: "user" });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.unknownOption") {
      const { keyLike } = await import("../config/index.js");
      const hint = keyHint(error.message, arguments_, program.commands, keyLike);
      if (hint !== undefined) process.stderr.write(`${hint}\n`);
    }
    return error.exitCode === 0 ? 0 : 2;
  }
}
