/** The picture's file: its format by its name, a name that is free, and written whole. */
import { existsSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { extname } from "node:path";
import { CoxswainError, messageOf, systemCodeOf } from "../../errors.js";

export type PictureFormat = "svg" | "png";

/** @throws CoxswainError "usage" for another extension, or a folder */
export function formatOf(path: string | undefined): PictureFormat {
  if (path === undefined) return "svg";
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new CoxswainError("usage", `--out ${path}: this is a folder`, {
      hint: `Name a file, such as ${path}/plot.svg.`,
    });
  const extension = extname(path).toLowerCase();
  if (extension === ".svg" || extension === ".png") return extension === ".svg" ? "svg" : "png";
  throw new CoxswainError(
    "usage",
    `--out ${path}: the extension ${extension === "" ? "is missing" : `${extension} is not supported`}`,
    {
      hint: "Name a FILE.svg or a FILE.png.",
    },
  );
}

/**
 * @param path undefined: `coxswain-plot.svg` in the working directory, or the next name that is free
 * @throws CoxswainError "storage"
 */
export function writePicture(
  path: string | undefined,
  picture: string | Uint8Array,
): { readonly path: string; readonly replaced: boolean } {
  if (path === undefined) return { path: writeNew(picture), replaced: false };
  const replaced = existsSync(path);
  const aside = `${path}.${process.pid}.incoming`;
  try {
    // A device such as /dev/stdout is written to, not replaced.
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? true;
    writeFileSync(isFile ? aside : path, picture);
    if (isFile) renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw cannotWrite(path, error);
  }
  return { path, replaced };
}

/** Creates a file of a name that no file has. */
function writeNew(picture: string | Uint8Array): string {
  for (let number = 1; ; number++) {
    const path = number === 1 ? "coxswain-plot.svg" : `coxswain-plot-${number}.svg`;
    try {
      writeFileSync(path, picture, { flag: "wx" });
      return path;
    } catch (error) {
      if (systemCodeOf(error) !== "EEXIST") throw cannotWrite(path, error);
    }
  }
}

const cannotWrite = (path: string, error: unknown): CoxswainError =>
  new CoxswainError("storage", `${path}: the picture cannot be written: ${messageOf(error)}`, {
    hint: "Check the folder and its permissions, or name another file with --out.",
    cause: error,
  });
