#!/usr/bin/env node
/** The `coxswain` command. */
import { endOnSignals, fail, guardProcess } from "./frame.js";
import { runProgram } from "./program.js";

guardProcess();
endOnSignals();
try {
  const code = await runProgram(process.argv.slice(2));
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  await fail(error);
}
