/** Builds safetensors files and model folders byte by byte, apart from the code under test. */
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect, onTestFinished, vi } from "vitest";
import { CoxswainError, type ErrorCode } from "../../../src/errors.js";

export const golden = (path: string): string => resolve(import.meta.dirname, "../../golden", path);

/** An empty folder that goes when the test ends. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "coxswain-model-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Bytes of a safetensors file with this header (an object, or any text) and data. */
export function safetensorsBytes(header: unknown, data: Uint8Array | number): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([prefix, text, typeof data === "number" ? Buffer.alloc(data) : data]);
}

export interface PlainTensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Bytes of a safetensors file of f32 tensors, in the order given. */
export function floatsFile(tensors: Readonly<Record<string, PlainTensor>>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const values: number[] = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const begin = values.length * 4;
    for (const value of tensor.values) values.push(value);
    header[name] = { dtype: "F32", shape: tensor.shape, data_offsets: [begin, values.length * 4] };
  }
  return safetensorsBytes(header, new Uint8Array(Float32Array.from(values).buffer));
}

export function writeFolder(folder: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Awaits a rejection with a `CoxswainError` of this code and gives it. */
export async function expectTrouble(promise: Promise<unknown>, code: ErrorCode): Promise<CoxswainError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(CoxswainError);
  const trouble = error as CoxswainError;
  expect(trouble.code, trouble.message).toBe(code);
  return trouble;
}

/** Until the test ends, every write of a file handle fails with ENOSPC once so many have gone well. */
export async function fullDisk(after = 0): Promise<void> {
  const handle = await open(import.meta.filename);
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const write = Reflect.get(prototype, "write") as (...parameters: unknown[]) => unknown;
  let writes = 0;
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const limited = function (this: typeof handle, ...parameters: unknown[]): unknown {
    return writes++ < after ? Reflect.apply(write, this, parameters) : Promise.reject(full);
  };
  const spy = vi.spyOn(prototype, "write").mockImplementation(limited as typeof prototype.write);
  onTestFinished(() => spy.mockRestore());
}
