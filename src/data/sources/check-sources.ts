/** Checks that a run's data exist and are readable, before a model is opened, which may take long. Reads no data. */
import { access, constants } from "node:fs/promises";
import type { RunConfig } from "../../config/index.js";
import { CoxswainError, messageOf } from "../../errors.js";
import { overrideText } from "../model-templates.js";
import { filesOf, type SourceFilesOptions } from "./files.js";
import { dataOf } from "./selection.js";

/** @throws CoxswainError "data" or "config" naming what is missing */
export async function checkSources(
  { seed, data }: Pick<RunConfig, "seed" | "data">,
  options: SourceFilesOptions = {},
): Promise<void> {
  const { training, evaluation } = dataOf({ seed, data });
  for (const { sources } of [
    training,
    ...(evaluation?.side === undefined && evaluation !== null ? [evaluation] : []),
  ]) {
    for (const source of sources) for (const file of await filesOf(source, options)) await requireReadable(file);
  }
  if (data.chat_template !== null) await overrideText(data.chat_template);
}

async function requireReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
  } catch (error) {
    throw new CoxswainError("data", `${file} cannot be read: ${messageOf(error)}`, {
      hint: "Check the file's permissions.",
      cause: error,
    });
  }
}
