/** The command with which the user starts this program. */
import { fileURLToPath } from "node:url";
import { programName } from "../train/next-steps.js";

export const thisProgram = (): string =>
  programName({
    packageFolder: fileURLToPath(new URL("../../..", import.meta.url)),
    script: process.argv[1] ?? "coxswain",
    workingFolder: process.cwd(),
  });
