/**
 * What the numerics suite runs on: every engine on every device that this test process has. The vitest project says
 * which device it is there for (see `vitest.config.ts`).
 */
import type { Device, EngineName } from "../../../src/compute/engine.js";

export const enginesOnDevices = ["onnx", "onnx on webgpu", "tfjs"] as const;
/** "onnx" and "tfjs" alone: on the CPU, tfjs on WebAssembly. */
export type EngineOnDevice = (typeof enginesOnDevices)[number];

export const deviceOf = (engine: EngineOnDevice): Device => (engine === "onnx on webgpu" ? "webgpu" : "cpu");
export const engineOf = (engine: EngineOnDevice): EngineName => (engine.startsWith("onnx") ? "onnx" : "tfjs");

export const onWebgpu = process.env["COXSWAIN_TEST_DEVICE"] === "webgpu";

/** Those that this process tests. */
export const engineNames: readonly EngineOnDevice[] = onWebgpu ? ["onnx on webgpu"] : ["onnx", "tfjs"];

/** Rows enough: a driver in software takes seconds for a golden case's whole batch. */
export const few = <Row>(rows: readonly Row[]): readonly Row[] => (onWebgpu ? rows.slice(0, 2) : rows);

/** The same, and first one to compare with. */
export const comparedEngines: readonly EngineOnDevice[] = onWebgpu ? ["onnx", ...engineNames] : engineNames;
