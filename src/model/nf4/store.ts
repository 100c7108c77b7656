/**
 * A model with NF4 weights in the cache: created once from the model's files, then mapped by every process that uses
 * it. Its folder is self-contained: tensors that are not quantised are copied, because a runtime maps files of one
 * folder only.
 *
 *     <cache>/nf4/v1/<content hash of the model>/
 *       codes.safetensors   NAME.codes [blocks, 32], U8
 *       absmax.safetensors  NAME.absmax [groups, 256], U8; NAME.scales [groups, 1] and NAME.offset [1], F32
 *       rest.safetensors    all other tensors that the model uses
 *       hashes.json         SHA-256 of each
 */
import { open, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CoxswainError, systemCodeOf } from "../../errors.js";
import {
  createFolder,
  defaultCacheFolder,
  inCache,
  isFilledFolder,
  removeLeftovers,
  setAside,
  fileHash,
  hashContent,
} from "../../storage/index.js";
import { readFully } from "../files.js";
import type { ModelFolder, TensorLocation } from "../folder.js";
import { modelManifest, type ManifestOptions } from "../manifest.js";
import { readSafetensorsHeader } from "../safetensors.js";
import { floatTensor, writeSafetensors, type TensorSource } from "../safetensors-write.js";
import { elementCount } from "../tensor-type.js";
import { blockBytes, blocksOf, compressAbsmax } from "./quantize.js";
import { quantizedPieces } from "./stream.js";

const files = ["codes.safetensors", "absmax.safetensors", "rest.safetensors"] as const;
const [codesFile, absmaxFile, restFile] = files;
const hashesFile = "hashes.json";

/** Storage of the base model's linear layers: "nf4" is QLoRA's. */
export type Quantization = "nf4";

/** Locations of the parts of one quantised weight. */
export interface Nf4Weight {
  /** Shape of the weight itself. */
  readonly shape: readonly number[];
  /** U8 [blocks, 32]: see `quantizeBlocks`. */
  readonly codes: TensorLocation;
  /** U8 [groups, 256]: see `compressAbsmax`. */
  readonly absmax: TensorLocation;
  /** F32 [groups, 1]. */
  readonly scales: TensorLocation;
  /** F32 [1]. */
  readonly offset: TensorLocation;
}

export interface Nf4Model {
  /** The folder in the cache, with the tensors that are not quantised. */
  readonly folder: ModelFolder;
  /** By the name of the weight. */
  readonly weights: ReadonlyMap<string, Nf4Weight>;
}

/** The used tensors of a model, and how they are used. */
export interface Nf4Selection {
  readonly quantized: readonly string[];
  readonly kept: readonly string[];
}

export interface Nf4Options extends Omit<ManifestOptions, "onProgress"> {
  /** Receives the quantised and total bytes of weights; not called if the cache has them. */
  readonly onProgress?: ManifestOptions["onProgress"];
}

/**
 * Finds the NF4 form of a model in the cache, or creates it. Processes may create the same one concurrently: the first
 * one is kept, and all have the same bytes. A damaged one is created again.
 * @throws CoxswainError "model" for a weight that is not finite; "storage" for a full disk and the like
 */
export async function nf4Model(
  model: ModelFolder,
  selection: Nf4Selection,
  { onProgress, ...options }: Nf4Options = {},
): Promise<Nf4Model> {
  const cacheDir = options.cacheDir ?? defaultCacheFolder();
  const { hash } = await modelManifest(model, options);
  const folder = join(cacheDir, "nf4", "v1", hash);
  // Checked first: a folder that another process creates meanwhile must not be considered damaged.
  const isThere = await isFilledFolder(folder).catch(() => false);
  const found = await openNf4(folder, model, selection, cacheDir);
  if (found !== undefined) return found;
  return inCache(cacheDir, dirname(folder), async () => {
    await removeLeftovers(dirname(folder));
    if (isThere) await setAside(folder);
    await createFolder(folder, (aside) => writeNf4(aside, model, selection, onProgress));
    const made = await openNf4(folder, model, selection, cacheDir);
    if (made !== undefined) return made;
    throw new CoxswainError("storage", `${folder}: the quantised model reads back differently than it was written`, {
      hint: "Check the disk, or move the cache with COXSWAIN_CACHE.",
    });
  });
}

/** Undefined if there is none, or its contents do not match its hashes. */
async function openNf4(
  folder: string,
  model: ModelFolder,
  { quantized, kept }: Nf4Selection,
  cacheDir: string,
): Promise<Nf4Model | undefined> {
  const tensors = new Map<string, TensorLocation>();
  try {
    const hashes = JSON.parse(await readFile(join(folder, hashesFile), "utf8")) as Record<string, unknown>;
    for (const file of files) {
      const path = join(folder, file);
      if (hashes[file] !== (await fileHash(path, { cacheDir }))) return undefined;
      for (const [name, entry] of (await readSafetensorsHeader(path)).tensors) tensors.set(name, { file, ...entry });
    }
  } catch (error) {
    if (error instanceof CoxswainError || error instanceof SyntaxError || isAbsence(error)) {
      return undefined;
    }
    throw error;
  }
  const weights = new Map<string, Nf4Weight>();
  for (const name of quantized) {
    const [codes, absmax, scales, offset] = ["codes", "absmax", "scales", "offset"].map((part) =>
      tensors.get(`${name}.${part}`),
    );
    const shape = model.tensors.get(name)?.shape;
    if (!codes || !absmax || !scales || !offset || !shape) return undefined;
    weights.set(name, { shape, codes, absmax, scales, offset });
  }
  const rest = new Map<string, TensorLocation>();
  for (const name of kept) {
    const location = tensors.get(name);
    if (location === undefined) return undefined;
    rest.set(name, location);
  }
  return { folder: { path: folder, config: model.config, tensors: rest }, weights };
}

const isAbsence = (error: unknown): boolean => ["ENOENT", "ENOTDIR"].includes(systemCodeOf(error) ?? "");

async function writeNf4(
  aside: string,
  model: ModelFolder,
  { quantized, kept }: Nf4Selection,
  onProgress: Nf4Options["onProgress"],
): Promise<void> {
  const statistics: TensorSource[] = [];
  const total = quantized.reduce((sum, name) => sum + locationOf(model, name).byteLength, 0);
  let done = 0;
  const codes = quantized.map((name): TensorSource => {
    const location = locationOf(model, name);
    const blocks = blocksOf(elementCount(location.shape));
    const absmax = new Float32Array(blocks);
    return {
      name: `${name}.codes`,
      dtype: "U8",
      shape: [blocks, blockBytes],
      data: async function* () {
        for await (const piece of quantizedPieces(model, name, location, absmax)) {
          yield piece;
          done += (piece.length / (blocks * blockBytes)) * location.byteLength;
          onProgress?.(done, total);
        }
        statistics.push(...compressed(name, absmax));
      },
    };
  });
  await writeSafetensors(join(aside, codesFile), codes);
  // Small, and complete only now: kept in memory until here.
  await writeSafetensors(join(aside, absmaxFile), statistics);
  await writeSafetensors(
    join(aside, restFile),
    kept.map((name) => copied(model, name)),
  );
  const hashes: Record<string, string> = {};
  for (const file of files) hashes[file] = await hashContent(join(aside, file));
  await writeFile(join(aside, hashesFile), `${JSON.stringify(hashes, undefined, 2)}\n`);
}

function compressed(name: string, absmax: Float32Array): TensorSource[] {
  const { codes, scales, offset } = compressAbsmax(absmax);
  const groups = scales.length;
  return [
    { name: `${name}.absmax`, dtype: "U8", shape: [groups, codes.length / groups], data: codes },
    floatTensor(`${name}.scales`, [groups, 1], scales),
    floatTensor(`${name}.offset`, [1], Float32Array.of(offset)),
  ];
}

/** An unchanged tensor. */
function copied(model: ModelFolder, name: string): TensorSource {
  const { file, dtype, shape, byteOffset, byteLength } = locationOf(model, name);
  const path = join(model.path, file);
  const piece = 1 << 20;
  return {
    name,
    dtype,
    shape,
    data: async function* () {
      const handle = await open(path, "r");
      try {
        for (let done = 0; done < byteLength; done += piece) {
          yield await readFully(handle, byteOffset + done, Math.min(piece, byteLength - done), path);
        }
      } finally {
        await handle.close();
      }
    },
  };
}

function locationOf(model: ModelFolder, name: string): TensorLocation {
  const location = model.tensors.get(name);
  if (location === undefined) throw new CoxswainError("bug", `weight ${name} was not checked to exist`);
  return location;
}
