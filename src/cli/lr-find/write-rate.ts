/** `--write`: puts the suggested learning rate into the run file. */
import { accessSync, constants, statSync } from "node:fs";
import { readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { withNumber } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { storageTrouble, temporaryName } from "../../storage/index.js";

const key = ["training", "learning_rate"] as const;

/**
 * Checked before the test.
 * @param sets the values of `--set`
 * @throws CoxswainError "usage" if the learning rate comes from elsewhere, or the file cannot be written
 */
export function checkWritable(file: string, sets: readonly string[]): void {
  const set = sets.find((each) => [key[0], key.join(".")].includes(each.split("=", 1).join("").trim()));
  if (set !== undefined) {
    throw new CoxswainError("usage", `--write changes ${key.join(".")} in ${file}, but --set ${set} overrides it`, {
      hint: "Omit one of the two.",
    });
  }
  if (!statSync(file).isFile()) {
    throw new CoxswainError("usage", `--write: ${file} is not a regular file`, { hint: "Omit --write." });
  }
  try {
    accessSync(file, constants.W_OK);
    accessSync(dirname(file), constants.W_OK);
  } catch (error) {
    throw storageTrouble(error, file);
  }
}

/** Replaces the file as a whole; a link stays a link. */
export async function writeRate(file: string, learningRate: number): Promise<void> {
  const path = await realpath(file);
  const text = withNumber(await readFile(path, "utf8"), key, learningRate, file);
  const aside = join(dirname(path), temporaryName(basename(path)));
  try {
    await writeFile(aside, text, { mode: (await stat(path)).mode, flag: "wx" });
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw storageTrouble(error, path);
  }
}
