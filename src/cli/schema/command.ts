/** `coxswain schema`: prints the JSON Schema of run files, for editors. */
import type { Command } from "commander";
import { runCommand } from "../frame.js";

export function registerSchema(program: Command): void {
  program
    .command("schema")
    .description("print the JSON Schema of run files, for your editor")
    .addHelpText(
      "after",
      `
With the schema, an editor completes keys, describes them and marks mistakes:

  coxswain schema > run.schema.json

and as the first line of run.yaml, in the same folder:

  # yaml-language-server: $schema=run.schema.json

docs/run-file.md describes every key, and how to set up VS Code.`,
    )
    .action(() =>
      runCommand(async () => {
        const { runJsonSchemaText } = await import("../../config/index.js");
        process.stdout.write(runJsonSchemaText());
      }),
    );
}
