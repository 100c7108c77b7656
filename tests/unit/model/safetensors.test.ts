import { writeFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readSafetensorsHeader, readTensor } from "../../../src/model/index.js";
import { expectTrouble, floatsFile, golden, safetensorsBytes, temporaryFolder } from "./helpers.js";

const one = (patch: Record<string, unknown>): Record<string, unknown> => ({
  a: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...patch },
});

function fileOf(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), "model.safetensors");
  writeFileSync(path, bytes);
  return path;
}

describe("a valid safetensors file is read", () => {
  it("gives names, types, shapes and offsets of a file that safetensors wrote", async () => {
    const path = golden("llama/model/model.safetensors");
    const { tensors, metadata, fileBytes } = await readSafetensorsHeader(path);
    expect(metadata).toEqual({ format: "pt" });
    expect(fileBytes).toBe(783112);
    expect(tensors.get("lm_head.weight")).toEqual({
      dtype: "F32",
      shape: [512, 64],
      byteOffset: 8 + 3072,
      byteLength: 131072,
    });
    expect([...tensors.values()].reduce((sum, entry) => sum + entry.byteLength, 8 + 3072)).toBe(fileBytes);
  });

  it("reads values at the header's offsets, also if the header is not padded", async () => {
    const path = fileOf(
      safetensorsBytes(
        {
          "a.b": { dtype: "F32", shape: [1, 2], data_offsets: [0, 8] },
          half: { dtype: "F16", shape: [3], data_offsets: [8, 14] },
          brain: { dtype: "BF16", shape: [], data_offsets: [14, 16] },
        },
        // 1.5f, -2f; 1 (0x3c00), -65504 (0xfbff), smallest subnormal 2^-24 (0x0001); bf16 1.5 (0x3fc0)
        Uint8Array.from([0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 0, 0x3c, 0xff, 0xfb, 1, 0, 0xc0, 0x3f]),
      ),
    );
    const { tensors } = await readSafetensorsHeader(path);
    const folder = { path: join(path, "..") };
    const read = async (name: string): Promise<number[]> => [
      ...(await readTensor(folder, { file: "model.safetensors", ...tensors.get(name)! })),
    ];
    expect(await read("a.b")).toEqual([1.5, -2]);
    expect(await read("half")).toEqual([1, -65504, 2 ** -24]);
    expect(await read("brain")).toEqual([1.5]);
  });

  it("accepts empty tensors and a file without tensors", async () => {
    const empty = { a: { dtype: "F32", shape: [0, 4], data_offsets: [0, 0] }, b: one({})["a"] };
    expect((await readSafetensorsHeader(fileOf(safetensorsBytes(empty, 8)))).tensors.size).toBe(2);
    expect((await readSafetensorsHeader(fileOf(safetensorsBytes("{}      ", 0)))).tensors.size).toBe(0);
  });
});

describe("a truncated or corrupt file is rejected, naming file and bytes", () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ["no header", Uint8Array.of(1, 2, 3), /at least 8 bytes, found 3/],
    [
      "a header longer than the file",
      safetensorsBytes(one({}), 8).subarray(0, 20),
      /its header needs \d+ bytes, found 20/,
    ],
    ["missing data", safetensorsBytes(one({}), 8).subarray(0, -1), /describes 70 bytes, the file has 69/],
    ["bytes after the data", safetensorsBytes(one({}), 9), /describes 70 bytes, the file has 71/],
    ["a header that is no JSON", safetensorsBytes("{oops", 0), /not JSON/],
    ["a header that is no object", safetensorsBytes("[]", 0), /not a JSON object/],
    ["a header that is not UTF-8", safetensorsBytes("{}", 0).fill(0xff, 8), /not UTF-8/],
    ["an absurd header length", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x10, 0x7b), /claims 1152921504606846976 bytes/],
    ["an unknown type", safetensorsBytes(one({ dtype: "F8_E4M3" }), 8), /"a" has element type "F8_E4M3"/],
    ["a negative size", safetensorsBytes(one({ shape: [-2] }), 8), /invalid shape \[-2\]/],
    ["a fractional size", safetensorsBytes(one({ shape: [0.5] }), 8), /invalid shape/],
    ["offsets that run backwards", safetensorsBytes(one({ data_offsets: [8, 0] }), 8), /invalid data_offsets/],
    ["offsets of another length than the shape", safetensorsBytes(one({ shape: [3] }), 8), /needs 12 bytes, has 8/],
    ["a hole", safetensorsBytes(one({ data_offsets: [4, 12] }), 12), /begins at byte 4 of the data, expected 0/],
    [
      "an overlap",
      safetensorsBytes({ ...one({}), b: { dtype: "F32", shape: [2], data_offsets: [4, 12] } }, 12),
      /"b" begins at byte 4 of the data, expected 8/,
    ],
    ["a shape whose size overflows", safetensorsBytes(one({ shape: [2 ** 52, 2 ** 52] }), 8), /needs .* bytes, has 8/],
    ["metadata that is not text", safetensorsBytes({ __metadata__: { a: 1 } }, 0), /__metadata__ "a" is not a string/],
  ];
  it.each(cases)("%s", async (_name, bytes, message) => {
    const path = fileOf(bytes);
    const trouble = await expectTrouble(readSafetensorsHeader(path), "model");
    expect(trouble.message).toMatch(message);
    expect(trouble.message).toContain(path);
    expect(trouble.hint).toBeTruthy();
  });

  it("every truncation of a valid file", async () => {
    const bytes = floatsFile({ a: { shape: [2], values: [1, 2] }, b: { shape: [1], values: [3] } });
    for (let length = 0; length < bytes.length; length += 7) {
      const trouble = await expectTrouble(readSafetensorsHeader(fileOf(bytes.subarray(0, length))), "model");
      expect(trouble.message).toMatch(new RegExp(`(found|has) ${length}$`));
    }
  });

  it("a missing file", async () => {
    const path = join(temporaryFolder(), "model.safetensors");
    expect((await expectTrouble(readSafetensorsHeader(path), "model")).message).toContain("no such file");
  });

  it("reading a non-float tensor as float", async () => {
    const path = fileOf(safetensorsBytes({ ids: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }, 8));
    const { tensors } = await readSafetensorsHeader(path);
    const location = { file: "model.safetensors", ...tensors.get("ids")! };
    const trouble = await expectTrouble(readTensor({ path: join(path, "..") }, location), "model");
    expect(trouble.message).toContain("I64");
    expect(readFileSync(path).length).toBeGreaterThan(0);
  });
});
