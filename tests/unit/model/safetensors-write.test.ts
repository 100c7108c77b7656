import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { floatTensor, readSafetensorsHeader, writeSafetensors, type TensorSource } from "../../../src/model/index.js";
import { expectTrouble, fullDisk, golden, temporaryFolder } from "./helpers.js";

/** A file's tensors, in an order that is not the file's. */
async function shuffledTensors(path: string): Promise<TensorSource[]> {
  const bytes = readFileSync(path);
  const { tensors } = await readSafetensorsHeader(path);
  const sources = [...tensors].map(([name, { dtype, shape, byteOffset, byteLength }]) => {
    const data = new Uint8Array(bytes.subarray(byteOffset, byteOffset + byteLength));
    return { name, dtype, shape, data };
  });
  return sources.reverse();
}

describe("a written file equals that of the safetensors library", () => {
  it.each(["model/mixed.safetensors", "llama/adapter_init/adapter_model.safetensors"])("%s", async (name) => {
    const path = join(temporaryFolder(), "out.safetensors");
    await writeSafetensors(path, await shuffledTensors(golden(name)), { format: "pt" });
    expect(readFileSync(path).equals(readFileSync(golden(name)))).toBe(true);
  });

  it("without tensors and metadata: the bytes of safetensors' own test", async () => {
    const path = join(temporaryFolder(), "out.safetensors");
    await writeSafetensors(path, []);
    expect([...readFileSync(path)]).toEqual([8, 0, 0, 0, 0, 0, 0, 0, 123, 125, 32, 32, 32, 32, 32, 32]);
  });

  it("with data larger than the write buffer, given in pieces", async () => {
    const path = join(temporaryFolder(), "out.safetensors");
    const pieces = [new Uint8Array(3).fill(1), new Uint8Array(3_000_000).fill(2), new Uint8Array(5).fill(3)];
    async function* data(): AsyncGenerator<Uint8Array> {
      for (const piece of pieces) yield await Promise.resolve(piece);
    }
    await writeSafetensors(path, [{ name: "a", dtype: "U8", shape: [3_000_008], data }]);
    const { tensors } = await readSafetensorsHeader(path);
    const { byteOffset } = tensors.get("a")!;
    expect(readFileSync(path).subarray(byteOffset).equals(Buffer.concat(pieces))).toBe(true);
  });
});

describe("incomplete files are rejected", () => {
  it("data whose length differs from the shape", async () => {
    const path = join(temporaryFolder(), "out.safetensors");
    const tensor = { name: "a", dtype: "F32" as const, shape: [3], data: new Uint8Array(8) };
    await expect(writeSafetensors(path, [tensor])).rejects.toThrow('tensor "a" needs 12 bytes, 8 were given');
  });

  it("the same name twice", async () => {
    const path = join(temporaryFolder(), "out.safetensors");
    const tensor = floatTensor("a", [1], Float32Array.of(1));
    await expect(writeSafetensors(path, [tensor, tensor])).rejects.toThrow("given twice");
  });

  it("a full disk names the file and what to do", async () => {
    const folder = temporaryFolder();
    await fullDisk();
    const path = join(folder, "out.safetensors");
    const trouble = await expectTrouble(writeSafetensors(path, [floatTensor("a", [1], Float32Array.of(1))]), "storage");
    expect(trouble.message).toBe(`${path}: no space left on the disk`);
    expect(trouble.hint).toContain("free some space");
  });

  it("a folder in place of the file", async () => {
    const path = join(temporaryFolder(), "out.safetensors");
    mkdirSync(path);
    expect((await expectTrouble(writeSafetensors(path, []), "storage")).message).toContain("is a folder");
  });
});
