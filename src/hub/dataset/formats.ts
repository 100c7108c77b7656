/** Which format the files of a split have, as `datasets` infers it from their names, and which of them we read. Pure. */
import { lastPart } from "./glob.js";

export type Format = "json" | "csv" | "parquet";

const extensions: Readonly<Record<string, Format>> = {
  json: "json",
  jsonl: "json",
  ndjson: "json",
  csv: "csv",
  tsv: "csv",
  parquet: "parquet",
};

/** Extensions of data that `datasets` reads and Coxswain does not. */
const foreign: ReadonlySet<string> = new Set(
  (
    "geoparquet gpq arrow txt conll conllu tar xml hdf5 h5 lance tsfile vortex zip png jpg jpeg gif bmp tiff webp svg " +
    "wav mp3 flac ogg opus m4a mp4 avi mkv mov webm pdf nii fa fasta fastq pdb cif"
  ).split(" "),
);

/** Compressions that are read, after the extension. */
const readable = /\.(?:parquet|(?:jsonl?|ndjson|csv|tsv)(?:\.(?:gz|zst))?)$/i;

export const isReadable = (name: string): boolean => readable.test(name);

const suffixes = (name: string): string[] =>
  lastPart(name)
    .split(".")
    .slice(1)
    .map((suffix) => suffix.toLowerCase());

/** Whether a name has the extension of any data, read or not. */
export const isData = (name: string): boolean =>
  suffixes(name).some((suffix) => suffix in extensions || foreign.has(suffix));

/** Files that decide the format. */
const looked = 200;
const preferred = ["csv", "json", "jsonl", "arrow", "parquet"];

/**
 * The format of most files; of formats with as many, Parquet before JSONL, JSON and CSV.
 * @returns undefined for one that is not read
 */
export function formatOf(names: readonly string[]): Format | undefined {
  const counts = new Map<string, number>();
  for (const suffix of names.slice(0, looked).flatMap(suffixes)) {
    if (suffix in extensions || foreign.has(suffix)) counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
  }
  const [first] = [...counts].sort(
    ([a, countA], [b, countB]) => countB - countA || preferred.indexOf(b) - preferred.indexOf(a) || (a < b ? 1 : -1),
  );
  return first === undefined ? undefined : extensions[first[0]];
}

/** Whether a name has one of the format's extensions, perhaps with a compression's after it. */
export const hasFormat = (name: string, format: Format): boolean =>
  suffixes(name).some((suffix) => extensions[suffix] === format);
