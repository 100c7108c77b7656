/**
 * What the numerics suite runs on: every engine on every device that this test process has. The vitest project says
 * which device it is there for (see `vitest.config.ts`).
 */
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Device, EngineName } from "../../../src/compute/engine.js";

export const enginesOnDevices = ["onnx", "onnx on webgpu", "tfjs", "tfjs native"] as const;
/** "onnx" and "tfjs" alone: on the CPU, tfjs on WebAssembly. "tfjs native": TensorFlow's library, on the CPU. */
export type EngineOnDevice = (typeof enginesOnDevices)[number];

export const deviceOf = (engine: EngineOnDevice): Device => (engine === "onnx on webgpu" ? "webgpu" : "cpu");
export const engineOf = (engine: EngineOnDevice): EngineName => (engine.startsWith("onnx") ? "onnx" : "tfjs");

/** TensorFlow's packages whose native addon is there: see docs/engines.md for how to get it. */
export const nativeAddons = (["tfjs-node", "tfjs-node-gpu"] as const).filter((name) => {
  try {
    const lib = join(dirname(createRequire(import.meta.url).resolve(`@tensorflow/${name}/package.json`)), "lib");
    return readdirSync(lib).some((folder) => existsSync(join(lib, folder, "tfjs_binding.node")));
  } catch {
    return false;
  }
});

export const onWebgpu = process.env["COXSWAIN_TEST_DEVICE"] === "webgpu";

/** Those that this process tests. */
export const engineNames: readonly EngineOnDevice[] = onWebgpu
  ? ["onnx on webgpu"]
  : ["onnx", "tfjs", ...(nativeAddons.length > 0 ? (["tfjs native"] as const) : [])];

/** Rows enough: a driver in software takes seconds for a golden case's whole batch. */
export const few = <Row>(rows: readonly Row[]): readonly Row[] => (onWebgpu ? rows.slice(0, 2) : rows);

/** The same, and first one to compare with. */
export const comparedEngines: readonly EngineOnDevice[] = onWebgpu ? ["onnx", ...engineNames] : engineNames;
