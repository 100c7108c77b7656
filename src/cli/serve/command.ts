/** `coxswain serve`: executes submitted runs, one at a time. */
import { InvalidArgumentError, type Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { natsOptions } from "../options/nats.js";
import type { ServeFlags } from "./serve.js";

export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .description("execute submitted runs one at a time, until it is stopped")
    .option("--data-root <folder>", "runs may read data in this folder (repeatable; default: none)", folders)
    .option(
      "--model-root <folder>",
      "runs may read models and adapters in this folder (repeatable; default: none)",
      folders,
    )
    .requiredOption("--output-root <folder>", "runs may write in this folder (repeatable)", folders)
    .option(
      "--accept-from <key or file>",
      "execute only runs that are signed with this NKey: its public key, or a file with one per line (repeatable)",
      folders,
    )
    .option("--grace <seconds>", "time for the step in flight when the server is stopped", seconds, 10)
    .option("--insecure", "let runs listen beyond loopback without TLS or a token");
  setOption(natsOptions(command, "the queue's server")).action((flags: ServeFlags) =>
    runCommand(async () => {
      const { serve } = await import("./serve.js");
      await serve(flags);
    }),
  );
}

const folders = (folder: string, earlier: readonly string[] | undefined): readonly string[] => [
  ...(earlier ?? []),
  folder,
];

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 3600) return value;
  throw new InvalidArgumentError("It must be a number of seconds from 0 to 3600.");
}
