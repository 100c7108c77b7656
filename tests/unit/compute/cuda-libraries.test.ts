/** Which libraries ONNX Runtime's CUDA provider needs, and which are missing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  missingCudaLibraries,
  readDynamicSection,
  whatBrings,
  type LoaderPlaces,
} from "../../../src/compute/cuda-libraries.js";

/** What readelf -d says of the provider in the wheel of onnxruntime-gpu 1.30.0. */
const needed = [
  "libcublasLt.so.13",
  "libcublas.so.13",
  "libcurand.so.10",
  "libcudart.so.13",
  "libcuda.so.1",
  "libdl.so.2",
  "librt.so.1",
  "libpthread.so.0",
  "libstdc++.so.6",
  "libm.so.6",
  "libgcc_s.so.1",
  "libc.so.6",
  "ld-linux-x86-64.so.2",
];

/** A 64-bit ELF file with nothing but a dynamic section, in a segment whose addresses are not its offsets. */
function elf(names: readonly string[], runPath?: string): Buffer {
  const strings = Buffer.from(`\0${[...names, ...(runPath === undefined ? [] : [runPath])].join("\0")}\0`);
  const offsetOf = (text: string): number => strings.indexOf(`\0${text}\0`) + 1;
  const base = 0x40_0000;
  const [table, dynamic] = [64, 64 + 2 * 56];
  const entries: [number, number][] = names.map((name) => [1, offsetOf(name)]);
  if (runPath !== undefined) entries.push([29, offsetOf(runPath)]);
  const stringsAt = dynamic + (entries.length + 3) * 16;
  entries.push([5, base + stringsAt], [10, strings.length], [0, 0]);
  const file = Buffer.alloc(stringsAt + strings.length);
  file.write("\x7fELF\x02\x01\x01", "latin1");
  file.writeBigUInt64LE(BigInt(table), 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  const segment = (at: number, type: number, offset: number, size: number): void => {
    file.writeUInt32LE(type, at);
    file.writeBigUInt64LE(BigInt(offset), at + 8);
    file.writeBigUInt64LE(BigInt(base + offset), at + 16);
    file.writeBigUInt64LE(BigInt(size), at + 32);
  };
  segment(table, 1, 0, file.length);
  segment(table + 56, 2, dynamic, entries.length * 16);
  entries.forEach(([tag, value], i) => {
    file.writeBigInt64LE(BigInt(tag), dynamic + i * 16);
    file.writeBigUInt64LE(BigInt(value), dynamic + i * 16 + 8);
  });
  strings.copy(file, stringsAt);
  return file;
}

function fileOf(bytes: Uint8Array | string): string {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-elf-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "libonnxruntime_providers_cuda.so");
  writeFileSync(path, bytes);
  return path;
}

/** A system with these files, and these in the loader's cache. */
const system = (files: readonly string[], cached: readonly string[] = [], libraryPath?: string): LoaderPlaces => ({
  libraryPath,
  cache: cached.map((path) => `${path.slice(path.lastIndexOf("/") + 1)}\0${path}\0`).join(""),
  exists: (path) => files.includes(path),
});

const standard = needed.filter((name) => !/^lib(cu)/.test(name)).map((name) => `/lib/x86_64-linux-gnu/${name}`);

describe("missing libraries are reported", () => {
  it("by the name in the installed provider, including cuDNN", () => {
    expect(missingCudaLibraries(fileOf(elf(needed)), system([], standard))).toEqual([
      "libcublasLt.so.13",
      "libcublas.so.13",
      "libcurand.so.10",
      "libcudart.so.13",
      "libcuda.so.1",
      "libcudnn.so.9",
    ]);
  });

  it("but not those that the loader finds: in its cache, LD_LIBRARY_PATH, next to the provider, or in the standard folders", () => {
    const provider = fileOf(elf(needed, "$ORIGIN/../lib:/opt/none"));
    const beside = join(dirname(provider), "../lib/libcublas.so.13");
    const files = ["/pip/cu13/lib/libcudart.so.13", beside, "/usr/lib64/libcuda.so.1"];
    const cached = [...standard, "/usr/local/cuda/lib64/libcublasLt.so.13", "/usr/lib/libcudnn.so.9"];
    const places = system(files, cached, "/none:/pip/cu13/lib");
    expect(missingCudaLibraries(provider, places)).toEqual(["libcurand.so.10"]);
    // Of CUDA 12, under another name.
    const older = system(["/pip/cu13/lib/libcudart.so.12"], cached, "/pip/cu13/lib");
    expect(missingCudaLibraries(provider, older)).toContain("libcudart.so.13");
  });

  it("with the package to install, for the provider's CUDA version", () => {
    const missing = ["libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13", "libcudnn.so.9"];
    expect(whatBrings(missing, fileOf(elf(needed)))).toBe(
      "Install CUDA 13 and cuDNN 9, or pip install nvidia-cuda-runtime nvidia-cublas nvidia-cudnn-cu13, " +
        "and add the libraries' folders to LD_LIBRARY_PATH.",
    );
    const older = ["libcudart.so.12", "libcurand.so.10", "libcuda.so.1"];
    const text = whatBrings(older, fileOf(elf(older)));
    expect(text).toContain("pip install nvidia-cuda-runtime-cu12 nvidia-curand-cu12,");
    expect(text).toContain("libcuda comes with NVIDIA's driver.");
    expect(whatBrings(["libcuda.so.1"], fileOf(elf(needed)))).toBe("libcuda comes with NVIDIA's driver.");
  });

  it("an invalid provider file is left to the runtime's own error", () => {
    for (const bytes of ["", "text", elf(needed).subarray(0, 100), Buffer.from("MZ")]) {
      expect(missingCudaLibraries(fileOf(bytes), system([]))).toEqual([]);
    }
    expect(missingCudaLibraries("/no/such/file", system([]))).toEqual([]);
  });

  it.runIf(process.platform === "linux" && process.arch === "x64")("reads a real library like readelf", () => {
    const runtime = join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node")), "..");
    const { needed: found } = readDynamicSection(join(runtime, "bin/napi-v6/linux/x64/libonnxruntime.so.1"));
    expect(found).toEqual(expect.arrayContaining(["libstdc++.so.6", "libm.so.6", "libc.so.6"]));
    // It runs here, so the loader finds them all.
    const provider = join(runtime, "bin/napi-v6/linux/x64/libonnxruntime.so.1");
    expect(missingCudaLibraries(provider).filter((name) => name !== "libcudnn.so.9")).toEqual([]);
  });
});
