/**
 * Recognises unsupported data by its address, name or first bytes, and says how to convert it to JSONL. Errors name the
 * actual format, rather than a missing file or an invalid first line. Pure.
 */
import path from "node:path";
import { CoxswainError } from "../../errors.js";

interface ForeignKind {
  /** "a Parquet file" */
  readonly what: string;
  /** A command that converts it. */
  readonly convert: (file: string) => string;
}

const python = (file: string, read: string): string =>
  `python -c "import pandas; pandas.${read.replace("FILE", `'${file}'`)}.to_json('${target(file)}', orient='records', lines=True)"`;

/** A name for the converted file, in the working folder: never the name of the file itself. */
function target(file: string): string {
  const name = path.basename(file).replaceAll(/['"\s]/g, "_");
  const stem = name.slice(0, name.length - path.extname(name).length).replace(/\.(jsonl|json|ndjson)$/, "");
  return name === `${stem}.jsonl` ? `${stem}-converted.jsonl` : `${stem}.jsonl`;
}

const parquetTarget = (file: string): string => target(file).replace(/jsonl$/, "parquet");

/** A name that says what the file is. */
const renamed = (file: string, extension: string): string =>
  `mv '${file}' '${file.slice(0, file.length - path.extname(file).length)}${extension}'`;

const unpacked = (command: string, file: string): string => `${command} < '${file}' > ${target(file)}`;

const arrow: ForeignKind = {
  what: "an Arrow file",
  convert: (file) =>
    `python -c "from datasets import Dataset; Dataset.from_file('${file}').to_parquet('${parquetTarget(file)}')"`,
};
const xz: ForeignKind = { what: "compressed (xz)", convert: (file) => unpacked("xz -d", file) };
const bzip2: ForeignKind = { what: "compressed (bzip2)", convert: (file) => unpacked("bunzip2", file) };
const zip: ForeignKind = { what: "a ZIP archive", convert: (file) => `unzip ${file}` };
const tar: ForeignKind = { what: "a tar archive", convert: (file) => `tar xf ${file}` };
const excel: ForeignKind = { what: "a spreadsheet", convert: (file) => python(file, "read_excel(FILE)") };
const csv: ForeignKind = { what: "a CSV file", convert: (file) => renamed(file, ".csv") };
const tsv: ForeignKind = { what: "a TSV file", convert: (file) => renamed(file, ".tsv") };
const text: ForeignKind = {
  what: "plain text",
  convert: (file) =>
    `python -c "import json; print(json.dumps({'text': open('${file}').read()}))" > ${target(file)}  (this makes one example; prefer several)`,
};

const byExtension: Readonly<Record<string, ForeignKind>> = {
  ".7z": { what: "a 7-Zip archive", convert: (file) => `7z x ${file}` },
  ".arrow": arrow,
  ".bz2": bzip2,
  ".feather": { what: "a Feather file", convert: (file) => python(file, "read_feather(FILE)") },
  ".lz4": { what: "compressed (LZ4)", convert: (file) => unpacked("lz4 -d", file) },
  ".tar": tar,
  ".tgz": tar,
  ".xls": excel,
  ".xlsx": excel,
  ".xz": xz,
  ".zip": zip,
};

/** First bytes, as Latin-1. */
const byMagic: readonly (readonly [string, ForeignKind])[] = [
  ["ARROW1", arrow],
  ["\xff\xff\xff\xff", arrow],
  ["\xfd7zXZ\0", xz],
  ["BZh", bzip2],
  ["PK\x03\x04", zip],
];

const refused = (file: string, { what, convert }: ForeignKind): CoxswainError =>
  new CoxswainError("data", `${file} is ${what}, which is not supported`, {
    hint: `Use JSONL (one JSON object per line), CSV or Parquet. Convert it: ${convert(file)}`,
  });

/** For a table under the name of another format. */
const misnamed = (file: string, { what, convert }: ForeignKind): CoxswainError =>
  new CoxswainError("data", `${file} is ${what}, but its name says otherwise`, {
    hint: `Rename it: ${convert(file)}`,
  });

/**
 * Rejects a file whose name shows an unsupported format.
 * @throws CoxswainError "data" naming the file, its kind and how to convert it
 */
export function refuseByName(file: string): void {
  const name = path.basename(file).toLowerCase();
  const kind = /\.tar\.\w+$/.test(name) ? tar : byExtension[path.extname(name)];
  if (kind !== undefined) throw refused(file, kind);
}

/**
 * Rejects a file whose first bytes show an unsupported format, whatever its name.
 * @throws CoxswainError "data" as `refuseByName`
 */
export function refuseByContent(file: string, bytes: Buffer): void {
  const start = bytes.subarray(0, 64).toString("latin1");
  const found = byMagic.find(([magic]) => start.startsWith(magic));
  if (found !== undefined) throw refused(file, found[1]);
  if (bytes.subarray(257, 262).toString("latin1") === "ustar") throw refused(file, tar);
  if (start.startsWith("version https://git-lfs.github.com/")) {
    throw new CoxswainError("data", `${file} is a Git LFS pointer: the data itself has not been fetched`, {
      hint: "Fetch it in its repository: git lfs install && git lfs pull.",
    });
  }
  if (/^\s*<(!doctype|html|\?xml)/i.test(start)) {
    throw new CoxswainError("data", `${file} is a page of HTML or XML, not data`, {
      hint: "A download that requires a login often saves the login page instead: fetch the file again.",
    });
  }
}

/**
 * The error for a line that is not JSON and probably belongs to a table or plain text.
 * @returns undefined if it looks like malformed JSON
 */
export function refusedLine(file: string, line: string, isFirst: boolean): CoxswainError | undefined {
  if (!isFirst) return undefined;
  const kind = headerKind(line);
  if (kind !== undefined && line.includes('"')) return misnamed(file, kind);
  if (/^\s*["[{]/.test(line)) return undefined;
  if (path.extname(file).toLowerCase() === ".txt") return refused(file, text);
  if (kind !== undefined) return misnamed(file, kind);
  return line.includes("\t") ? misnamed(file, tsv) : undefined;
}

/** Names of columns, in quotes or not, and what separates them. */
const header =
  /^(?:"[^"]*"|[\p{L}\p{N}_ .-]+)(?:([,;|\t])(?:"[^"]*"|[\p{L}\p{N}_ .-]+))(?:\1(?:"[^"]*"|[\p{L}\p{N}_ .-]+))*\s*$/u;

/** The kind of table whose first line it is; undefined if it is that of none. */
function headerKind(line: string): ForeignKind | undefined {
  // Excel names the separator before the header.
  if (/^sep=[,;|\t]\s*$/.test(line)) return csv;
  const separator = header.exec(line.replace(/^\uFEFF/, ""))?.[1];
  if (separator === undefined) return undefined;
  return separator === "\t" ? tsv : csv;
}

/** Whether a source is a URL: `https://`, `hf://`, `s3://` … */
const isAddress = (source: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(source);

/** @throws CoxswainError "data" for a URL, depending on its scheme */
export function refuseAddress(source: string): void {
  if (!isAddress(source)) return;
  const scheme = source.slice(0, source.indexOf(":")).toLowerCase();
  if (scheme === "file") {
    throw new CoxswainError("data", `${source}: URLs are not supported`, {
      hint: `Give only the path: ${source.replace(/^file:\/\/(localhost)?/i, "")}`,
    });
  }
  const dataset = /^hf:\/\/(?:datasets\/)?([^/@]+\/[^/@]+)/i.exec(source)?.[1];
  if (dataset !== undefined) throw addressOfDataset(source, dataset);
  const page = /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/datasets\/([^/]+\/[^/?#]+)\/?$/i.exec(source)?.[1];
  if (page !== undefined) throw addressOfDataset(source, page);
  const fetchIt = /^https?$/.test(scheme) ? `curl --location --remote-name ${source}` : `the tools of ${scheme}://`;
  throw new CoxswainError("data", `${source}: data cannot be read over ${scheme}://`, {
    hint: `Download it first (${fetchIt}), and give the file's path.`,
  });
}

/**
 * Whether a folder is one that `save_to_disk` of the datasets library wrote: `dataset_info.json` alone is also a list of
 * data sets, which LLaMA-Factory keeps beside the data.
 * @param names files of the folder
 */
export const isSavedDataset = (names: readonly string[]): boolean =>
  names.some((name) => name === "dataset_dict.json" || name === "state.json") ||
  (names.includes("dataset_info.json") && names.some((name) => name.endsWith(".arrow")));

/** Files beside data that describe them. */
export const describingData: ReadonlySet<string> = new Set(["dataset_info.json", "dataset_infos.json"]);

/** @param names files of the folder */
export function savedByDatasets(folder: string, names: readonly string[]): CoxswainError {
  const part = names.includes("dataset_dict.json") ? "['train']" : "";
  return new CoxswainError("data", `${folder} was saved by the datasets library (Arrow), which is not supported`, {
    hint: `Write it as Parquet: python -c "from datasets import load_from_disk; load_from_disk('${folder}')${part}.to_parquet('train.parquet')"`,
  });
}

const addressOfDataset = (source: string, id: string): CoxswainError =>
  new CoxswainError("data", `${source}: URLs are not supported`, { hint: `Give only the data set's name: ${id}` });
