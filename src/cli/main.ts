#!/usr/bin/env node
/** The `coxswain` command. */
import { fail, guardProcess } from "./frame.js";
import { runProgram } from "./program.js";

guardProcess();
try {
  const code = await runProgram(process.argv.slice(2));
  if (code !== undefined) process.exitCode = code;
} catch (error) {
  await fail(error);
}
