/**
 * Determines from the provider's file which libraries ONNX Runtime's CUDA provider needs on Linux, and which of them
 * the dynamic loader would not find. The runtime's own error often does not name a missing one. Windows is not
 * supported: the runtime's package does not install CUDA there.
 */
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { dirname, join } from "node:path";

/** The dependencies of a shared library. */
export interface DynamicSection {
  /** "libcudart.so.13" */
  readonly needed: readonly string[];
  /** Folders to look in, with $ORIGIN for the library's own. */
  readonly runPath: readonly string[];
}

/**
 * Reads the dynamic section of a 64-bit little-endian ELF file.
 * @throws the system's error for a file that cannot be read; RangeError for one that is not of this kind
 */
export function readDynamicSection(path: string): DynamicSection {
  const file = openSync(path, "r");
  try {
    const at = (offset: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length);
      if (readSync(file, bytes, 0, length, offset) < length) throw new RangeError(`${path}: ends early`);
      return bytes;
    };
    return parseDynamicSection(at, path);
  } finally {
    closeSync(file);
  }
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const segmentTypes = { load: 1, dynamic: 2 } as const;
const tags = { end: 0, needed: 1, strings: 5, stringsSize: 10, rpath: 15, runPath: 29 } as const;

function parseDynamicSection(at: (offset: number, length: number) => Buffer, path: string): DynamicSection {
  const header = at(0, 64);
  // Magic number, 64 bits, little-endian.
  if (header.toString("latin1", 0, 4) !== "\x7fELF" || header[4] !== 2 || header[5] !== 1) {
    throw new RangeError(`${path}: not a 64-bit ELF file`);
  }
  const [table, entry, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)];
  const segments = Array.from({ length: count }, (_, i): Segment => {
    const bytes = at(table + i * entry, 56);
    const number = (offset: number): number => Number(bytes.readBigUInt64LE(offset));
    return { type: bytes.readUInt32LE(0), offset: number(8), address: number(16), size: number(32) };
  });
  const dynamic = segments.find(({ type }) => type === segmentTypes.dynamic);
  if (dynamic === undefined) return { needed: [], runPath: [] };
  const section = at(dynamic.offset, dynamic.size);
  const entries: { readonly tag: number; readonly value: number }[] = [];
  for (let i = 0; i + 16 <= section.length; i += 16) {
    const tag = Number(section.readBigInt64LE(i));
    if (tag === tags.end) break;
    entries.push({ tag, value: Number(section.readBigUInt64LE(i + 8)) });
  }
  const valueOf = (tag: number): number => entries.find((each) => each.tag === tag)?.value ?? 0;
  const address = valueOf(tags.strings);
  const home = segments.find(
    (each) => each.type === segmentTypes.load && address >= each.address && address < each.address + each.size,
  );
  if (home === undefined) throw new RangeError(`${path}: its strings are in no segment`);
  const strings = at(address - home.address + home.offset, valueOf(tags.stringsSize));
  const text = (start: number): string => strings.toString("utf8", start, strings.indexOf(0, start));
  const texts = (tag: number): string[] => entries.filter((each) => each.tag === tag).map(({ value }) => text(value));
  return {
    needed: texts(tags.needed),
    runPath: [...texts(tags.rpath), ...texts(tags.runPath)].flatMap((paths) => paths.split(":")),
  };
}

/** The search path of the dynamic loader. */
export interface LoaderPlaces {
  /** LD_LIBRARY_PATH at the start of the process. */
  readonly libraryPath: string | undefined;
  /** The content of /etc/ld.so.cache: names and paths, each terminated by a zero byte. */
  readonly cache: string;
  readonly exists: (path: string) => boolean;
}

/** The search path of this process. */
export const loaderPlaces = (): LoaderPlaces => ({
  libraryPath: process.env["LD_LIBRARY_PATH"],
  cache: existsSync("/etc/ld.so.cache") ? readFileSync("/etc/ld.so.cache", "latin1") : "",
  exists: existsSync,
});

const standardFolders = [
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
];

/** Loaded by name on first use, so not among the NEEDED entries (ONNX Runtime 1.30). */
const openedLater = "libcudnn.so.9";

/**
 * The libraries that the provider at `path` needs and the loader would not find. None if the file is invalid: the
 * runtime then reports the error.
 */
export function missingCudaLibraries(path: string, places: LoaderPlaces = loaderPlaces()): readonly string[] {
  let section: DynamicSection;
  try {
    section = readDynamicSection(path);
  } catch {
    return [];
  }
  const folders = [
    ...(places.libraryPath ?? "").split(":").filter((folder) => folder !== ""),
    ...section.runPath.map((folder) => folder.replace(/\$ORIGIN|\$\{ORIGIN\}/, dirname(path))),
    ...standardFolders,
  ];
  const isFound = (name: string): boolean =>
    places.cache.includes(`/${name}\0`) || folders.some((folder) => places.exists(join(folder, name)));
  return [...section.needed, openedLater].filter((name) => !isFound(name));
}

/** The major version of CUDA that the provider at `path` was built for, if the file records it. */
export function cudaVersion(path: string): string | undefined {
  try {
    const { needed } = readDynamicSection(path);
    return needed.flatMap((name) => /^lib(?:cudart|cublas)\.so\.(\d+)/.exec(name)?.[1] ?? []).at(0);
  } catch {
    return undefined;
  }
}

/**
 * pip's packages of NVIDIA's libraries; those for CUDA 12 and before end with "-cu12". cuDNN's always name the CUDA
 * version.
 */
const packages: readonly (readonly [library: RegExp, name: string])[] = [
  [/^libcudart\./, "nvidia-cuda-runtime"],
  [/^libcublas(Lt)?\./, "nvidia-cublas"],
  [/^libcurand\./, "nvidia-curand"],
  [/^libcufft\./, "nvidia-cufft"],
  [/^libnvrtc\./, "nvidia-cuda-nvrtc"],
  [/^libcudnn\./, "nvidia-cudnn"],
];

/**
 * How to install missing libraries, in one or two sentences.
 * @param provider its path, which determines the version of CUDA
 */
export function whatBrings(missing: readonly string[], provider: string): string {
  const version = cudaVersion(provider);
  const names = packages
    .filter(([library]) => missing.some((name) => library.test(name)))
    .map(([, name]) => {
      if (version === undefined) return name;
      return Number(version) < 13 || name === "nvidia-cudnn" ? `${name}-cu${version}` : name;
    });
  const sentences: string[] = [];
  if (names.length > 0) {
    sentences.push(
      `Install CUDA${version === undefined ? "" : ` ${version}`} and cuDNN 9, or pip install ${names.join(" ")}, and add the libraries' folders to LD_LIBRARY_PATH.`,
    );
  }
  if (missing.some((name) => name.startsWith("libcuda."))) sentences.push("libcuda comes with NVIDIA's driver.");
  return sentences.join(" ");
}
