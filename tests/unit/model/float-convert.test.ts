import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../../../src/model/float-convert.js";
import { golden } from "./helpers.js";

const reference = JSON.parse(readFileSync(golden("model/rounding.json"), "utf8")) as {
  float32: number[];
  bfloat16: number[];
  float16: number[];
};
const values = new Float32Array(Uint32Array.from(reference.float32).buffer);
const bitsOf = (floats: Float32Array): number[] => [...new Uint32Array(floats.buffer)];

describe("16-bit weights keep torch's bits", () => {
  it("rounds f32 to bf16 to nearest even, with infinity and subnormals", () => {
    const out = new Uint16Array(values.length);
    float32ToBfloat16(values, out);
    expect([...out]).toEqual(reference.bfloat16);
  });

  it("rounds f32 to f16 to nearest even, with infinity and subnormals", () => {
    const out = new Uint16Array(values.length);
    float32ToFloat16(values, out);
    expect([...out]).toEqual(reference.float16);
  });

  it("widens every bf16 by appending 16 zero bits", () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, index) => index);
    const out = new Float32Array(0x10000);
    bfloat16ToFloat32(bits, out);
    expect(bitsOf(out).every((word, index) => word === index * 0x10000)).toBe(true);
  });

  it("widens every finite f16 to its IEEE 754 value", () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, index) => index);
    const out = new Float32Array(0x10000);
    float16ToFloat32(bits, out);
    const valueOf = (half: number): number => {
      const exponent = (half >> 10) & 31;
      const fraction = (half & 1023) / 1024;
      const magnitude = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
      return half & 0x8000 ? -magnitude : magnitude;
    };
    const wrong = [...bits].filter((half) => ((half >> 10) & 31) !== 31 && !Object.is(out[half], valueOf(half)));
    expect(wrong).toEqual([]);
    expect(out[0x7c00]).toBe(Infinity);
    expect(out[0xfc00]).toBe(-Infinity);
    expect(out[0x7e00]).toBeNaN();
    expect(out[0x7c01]).toBeNaN();
  });

  it("keeps NaNs, even if only discarded bits mark them", () => {
    const nans = new Float32Array(Uint32Array.of(0x7f800001, 0x7fc00000, 0xff800001, 0x7fffffff).buffer);
    const bits = new Uint16Array(4);
    const back = new Float32Array(4);
    float32ToBfloat16(nans, bits);
    bfloat16ToFloat32(bits, back);
    expect([...back]).toEqual([NaN, NaN, NaN, NaN]);
    float32ToFloat16(nans, bits);
    float16ToFloat32(bits, back);
    expect([...back]).toEqual([NaN, NaN, NaN, NaN]);
  });
});
