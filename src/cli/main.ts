#!/usr/bin/env node
/** The `coxswain` command. Has few imports, so that it can report an error if the rest cannot be loaded. */
import { systemTrouble } from "../system-errors.js";

try {
  const { start } = await import("./start.js");
  await start();
} catch (error) {
  const trouble = systemTrouble(error);
  if (trouble === undefined) throw error;
  process.stderr.write(`error: ${trouble.message}\n${trouble.hint === undefined ? "" : `hint: ${trouble.hint}\n`}`);
  process.exitCode = trouble.exitCode;
}
