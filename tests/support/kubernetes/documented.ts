/** Commands that a reader of docs/kubernetes.md copies. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../processes.js";

/** @returns the command lines of the one block of it that contains a text @throws Error where there is none */
export function documentedCommands(containing: string): string[] {
  const text = readFileSync(join(projectFolder, "docs", "kubernetes.md"), "utf8");
  const blocks = [...text.matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block!);
  const found = blocks.find((block) => block.includes(containing));
  if (found === undefined) throw new Error(`docs/kubernetes.md has no commands with ${containing}`);
  const lines = found
    .replaceAll(/\\\n\s*/g, "")
    .trim()
    .split("\n");
  return lines.map((line) => line.replace(/ +# .*/, ""));
}
