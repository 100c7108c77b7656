/** Checks that a run's data exist and are readable, before a model is opened, which may take long. Reads no data. */
import { access, constants } from "node:fs/promises";
import type { DataConfig } from "../../config/index.js";
import { CoxswainError, messageOf } from "../../errors.js";
import { overrideText } from "../model-templates.js";
import { resolveSources } from "./files.js";

/** @throws CoxswainError "data" or "config" naming what is missing */
export async function checkSources(data: Pick<DataConfig, "train" | "eval" | "chat_template">): Promise<void> {
  for (const source of [data.train, data.eval]) {
    if (source === null) continue;
    for (const file of await resolveSources(source)) await requireReadable(file);
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
