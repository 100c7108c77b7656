import path from "node:path";

/** A name for the converted file, in the working folder. A table stays a table. */
export function convertedName(file: string): string {
  const extension = path.extname(file);
  const isTable = /^\.(csv|tsv)$/i.test(extension);
  return `${path.basename(file, extension)}-converted${isTable ? extension : ".jsonl"}`;
}
