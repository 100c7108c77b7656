/** NF4 against bitsandbytes' own numbers (tests/peers/make-nf4.py), to the bit. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dynamicValues, nf4Values } from "../../../../src/model/nf4/codes.js";
import { dequantizeBlocks, expandAbsmax } from "../../../../src/model/nf4/dequantize.js";
import {
  blockBytes,
  blocksOf,
  blockSize,
  compressAbsmax,
  meanOf,
  quantizeBlocks,
} from "../../../../src/model/nf4/quantize.js";
import { readFloats } from "../../../../src/model/read-tensor.js";
import { readSafetensorsHeader } from "../../../../src/model/safetensors.js";

const file = join(import.meta.dirname, "../../../golden/nf4/reference.safetensors");
const { tensors } = await readSafetensorsHeader(file);
const floats = (name: string): Promise<Float32Array> => readFloats(file, tensors.get(name)!);

async function bytes(name: string): Promise<Uint8Array> {
  const { byteOffset, byteLength } = tensors.get(name)!;
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(new Uint8Array(byteLength), 0, byteLength, byteOffset);
    return buffer;
  } finally {
    await handle.close();
  }
}

const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

function quantized(values: Float32Array): { codes: Uint8Array; absmax: Float32Array } {
  const blocks = blocksOf(values.length);
  const result = { codes: new Uint8Array(blocks * blockBytes), absmax: new Float32Array(blocks) };
  quantizeBlocks(values, result.codes, result.absmax);
  return result;
}

/** One code a weight, in the weights' order. */
const unpacked = (codes: Uint8Array, count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => {
    const place = i % blockSize;
    const byte = codes[Math.floor(i / blockSize) * blockBytes + (place % blockBytes)]!;
    return place < blockBytes ? byte >> 4 : byte & 15;
  });

const cases = [...tensors.keys()].flatMap((name) => (name.endsWith(".codes") ? [name.slice(0, -".codes".length)] : []));

it("has bitsandbytes' tables", async () => {
  expect(cases).toHaveLength(11);
  expect(bits(nf4Values)).toEqual(bits(await floats("nf4_values")));
  expect(bits(dynamicValues)).toEqual(bits(await floats("dynamic_values")));
});

describe.each(cases)("%s", (name) => {
  it("has bitsandbytes' codes and absmax", async () => {
    const values = await floats(`${name}.weight`);
    const { codes, absmax } = quantized(values);
    expect(unpacked(codes, values.length)).toEqual(await bytes(`${name}.codes`));
    expect(bits(absmax)).toEqual(bits(await floats(`${name}.raw_absmax`)));
  });

  it("has bitsandbytes' 8-bit absmax", async () => {
    const absmax = await floats(`${name}.raw_absmax`);
    const [offset] = await floats(`${name}.offset`);
    const { codes, scales } = compressAbsmax(absmax, offset);
    expect(codes.slice(0, absmax.length)).toEqual(await bytes(`${name}.absmax`));
    expect(bits(scales)).toEqual(bits(await floats(`${name}.nested_absmax`)));
    // Its mean is an f32 sum in an order of its own.
    expect(Math.abs(meanOf(absmax) - offset!)).toBeLessThanOrEqual(2 ** -22 * offset!);
  });

  it("gives bitsandbytes' weights back", async () => {
    const values = await floats(`${name}.weight`);
    const { codes, absmax } = quantized(values);
    const [offset] = await floats(`${name}.offset`);
    const out = new Float32Array(values.length);
    dequantizeBlocks(codes, expandAbsmax(compressAbsmax(absmax, offset), absmax.length), out);
    expect(bits(out)).toEqual(bits(await floats(`${name}.dequantized`)));
  });
});
