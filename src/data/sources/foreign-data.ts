/**
 * Recognises unsupported data by its address, name or first bytes, and says how to convert it to JSONL. Errors name the
 * actual format, rather than a missing file or an invalid first line. Pure.
 */
import path from "node:path";
import { CoxswainError } from "../../errors.js";

interface ForeignKind {
  /** "a Parquet file" */
  readonly what: string;
  /** A command that converts it to JSONL. */
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

const unpacked = (command: string, file: string): string => `${command} < '${file}' > ${target(file)}`;

const parquet: ForeignKind = { what: "a Parquet file", convert: (file) => python(file, "read_parquet(FILE)") };
const arrow: ForeignKind = {
  what: "an Arrow file",
  convert: (file) =>
    `python -c "from datasets import Dataset; Dataset.from_file('${file}').to_json('${target(file)}')"`,
};
const gzip: ForeignKind = { what: "compressed (gzip)", convert: (file) => unpacked("gunzip", file) };
const zstd: ForeignKind = { what: "compressed (Zstandard)", convert: (file) => unpacked("zstd -d", file) };
const xz: ForeignKind = { what: "compressed (xz)", convert: (file) => unpacked("xz -d", file) };
const bzip2: ForeignKind = { what: "compressed (bzip2)", convert: (file) => unpacked("bunzip2", file) };
const zip: ForeignKind = { what: "a ZIP archive", convert: (file) => `unzip ${file}` };
const tar: ForeignKind = { what: "a tar archive", convert: (file) => `tar xf ${file}` };
const excel: ForeignKind = { what: "a spreadsheet", convert: (file) => python(file, "read_excel(FILE)") };
const csv: ForeignKind = { what: "a CSV file", convert: (file) => python(file, "read_csv(FILE)") };
const tsv: ForeignKind = { what: "a TSV file", convert: (file) => python(file, "read_csv(FILE, sep='\\t')") };
const text: ForeignKind = {
  what: "plain text",
  convert: (file) =>
    `python -c "import json; print(json.dumps({'text': open('${file}').read()}))" > ${target(file)}  (this makes one example; prefer several)`,
};

const byExtension: Readonly<Record<string, ForeignKind>> = {
  ".7z": { what: "a 7-Zip archive", convert: (file) => `7z x ${file}` },
  ".arrow": arrow,
  ".bz2": bzip2,
  ".csv": csv,
  ".feather": { what: "a Feather file", convert: (file) => python(file, "read_feather(FILE)") },
  ".gz": gzip,
  ".lz4": { what: "compressed (LZ4)", convert: (file) => unpacked("lz4 -d", file) },
  ".parquet": parquet,
  ".tar": tar,
  ".tgz": tar,
  ".tsv": tsv,
  ".xls": excel,
  ".xlsx": excel,
  ".xz": xz,
  ".zip": zip,
  ".zst": zstd,
};

/** First bytes, as Latin-1. */
const byMagic: readonly (readonly [string, ForeignKind])[] = [
  ["PAR1", parquet],
  ["ARROW1", arrow],
  ["\xff\xff\xff\xff", arrow],
  ["\x1f\x8b", gzip],
  ["\x28\xb5\x2f\xfd", zstd],
  ["\xfd7zXZ\0", xz],
  ["BZh", bzip2],
  ["PK\x03\x04", zip],
];

const refused = (file: string, { what, convert }: ForeignKind): CoxswainError =>
  new CoxswainError("data", `${file} is ${what}, which is not supported`, {
    hint: `Use JSONL: one JSON object per line. Convert it: ${convert(file)}`,
  });

/**
 * Rejects a file whose name shows an unsupported format.
 * @throws CoxswainError "data" naming the file, its kind and how to convert it
 */
export function refuseByName(file: string): void {
  const kind = byExtension[path.extname(file).toLowerCase()];
  if (kind !== undefined) throw refused(file, kind);
}

/**
 * Rejects a file whose first line shows an unsupported format, whatever its name.
 * @param bytes of the line
 * @throws CoxswainError "data" as `refuseByName`
 */
export function refuseByContent(file: string, bytes: Buffer): void {
  const start = bytes.subarray(0, 64).toString("latin1");
  const found = byMagic.find(([magic]) => start.startsWith(magic));
  if (found !== undefined) throw refused(file, found[1]);
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
  if (!isFirst || /^\s*["[{]/.test(line)) return undefined;
  if (path.extname(file).toLowerCase() === ".txt") return refused(file, text);
  const fields = (separator: string): number => line.split(separator).length;
  if (/^[\w "-]+(,[\w "-]+)+\s*$/.test(line)) return refused(file, csv);
  return fields("\t") > 1 ? refused(file, tsv) : undefined;
}

/** Whether a source is a URL: `https://`, `hf://`, `s3://` … */
export const isAddress = (source: string): boolean => /^[a-z][a-z0-9+.-]+:\/\//i.test(source);

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
  if (dataset !== undefined) throw hubDataset(source, dataset);
  const page = /^https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/datasets\/([^/]+\/[^/?#]+)\/?$/i.exec(source)?.[1];
  if (page !== undefined) throw hubDataset(source, page);
  const fetchIt = /^https?$/.test(scheme) ? `curl --location --remote-name ${source}` : `the tools of ${scheme}://`;
  throw new CoxswainError("data", `${source}: data cannot be read over ${scheme}://`, {
    hint: `Download it first (${fetchIt}), and give the file's path.`,
  });
}

/**
 * The error for a missing source that looks like `owner/name`, which is probably a data set of the hub.
 * @param isFolder whether a folder exists
 */
export function hubDatasetMeant(source: string, isFolder: (folder: string) => boolean): CoxswainError | undefined {
  const [owner, name] = [path.basename(path.dirname(source)), path.basename(source)];
  const isName = (part: string): boolean => /^\w[\w.-]*$/.test(part);
  if (!isName(owner) || !isName(name) || isKnownExtension(name) || isFolder(path.dirname(source))) return undefined;
  return hubDataset(`${owner}/${name}`, `${owner}/${name}`);
}

const isKnownExtension = (name: string): boolean =>
  [".json", ".jsonl", ".ndjson", ".txt"].includes(path.extname(name).toLowerCase());

/** Files that `save_to_disk` of the datasets library writes next to its Arrow files. */
export const savedDataset: ReadonlySet<string> = new Set(["dataset_dict.json", "dataset_info.json", "state.json"]);

export function savedByDatasets(folder: string): CoxswainError {
  return new CoxswainError("data", `${folder} was saved by the datasets library (Arrow), which is not supported`, {
    hint: `Convert it: python -c "from datasets import load_from_disk; load_from_disk('${folder}').to_json('train.jsonl')"`,
  });
}

function hubDataset(source: string, id: string): CoxswainError {
  const absent = isAddress(source) ? "" : "no such file or folder, and ";
  return new CoxswainError("data", `${source}: ${absent}data sets of the hub are not supported`, {
    hint:
      `Save it as JSONL: python -c "from datasets import load_dataset; ` +
      `load_dataset('${id}', split='train').to_json('train.jsonl')"`,
  });
}
