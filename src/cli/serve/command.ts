/** `coxswain serve`: executes submitted runs, one at a time. */
import type { Command } from "commander";
import { runCommand, setOption } from "../frame.js";
import { natsOptions } from "../options/nats.js";
import type { ServeFlags } from "./serve.js";

export function registerServe(program: Command): void {
  const command = program
    .command("serve")
    .description("execute submitted runs one at a time, until it is stopped")
    .option("--insecure", "let runs listen beyond loopback without TLS or a token");
  setOption(natsOptions(command, "the queue's server")).action((flags: ServeFlags) =>
    runCommand(async () => {
      const { serve } = await import("./serve.js");
      await serve(flags);
    }),
  );
}
