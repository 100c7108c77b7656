/** Whether this machine has a GPU that WebGPU can use, and what for. */
import { existsSync, readdirSync } from "node:fs";
import { CoxswainError, messageOf } from "../../errors.js";
import type { Session } from "./session.js";

/**
 * Opens a session that computes nothing, on WebGPU. On Linux only where a GPU's device file is visible: a Vulkan driver
 * in software would work too, but is far slower than the CPU.
 * @returns why there is none, as a clause; null if there is one
 */
export async function webgpuAbsence(): Promise<string | null> {
  if (process.platform === "linux" && !hasDeviceFile()) return "no GPU is visible (/dev/dri, /dev/nvidia0, /dev/dxg)";
  try {
    const session = await openTrivialSession();
    await session.close();
    return null;
  } catch (error) {
    return error instanceof CoxswainError ? error.message.replace(/^compute\.device: /, "") : messageOf(error);
  }
}

/**
 * Many adapters do not support 16-bit floats, which is detected only when the first shader that needs them is compiled.
 * @throws CoxswainError "config" if the adapter has none
 */
export async function requireFloat16(): Promise<void> {
  const session = await openTrivialSession("float16");
  try {
    const { tensorClass } = await import("./session.js");
    await session.run({ x: new (await tensorClass())("float16", Uint16Array.of(0), [1]) }, ["y"]);
  } catch (error) {
    throw new CoxswainError("config", "compute.dtype: this GPU does not support float16 in WebGPU (shader-f16)", {
      cause: error,
      hint: "Use compute.dtype: float32.",
    });
  } finally {
    await session.close();
  }
}

/** A session on WebGPU that negates one number. */
export async function openTrivialSession(type: "float32" | "float16" = "float32"): Promise<Session> {
  const [{ GraphBuilder }, { Session }] = await Promise.all([import("./graph-builder.js"), import("./session.js")]);
  const graph = GraphBuilder.for("webgpu");
  graph.output("y", graph.op("Neg", [graph.input("x", type, [1])]), type, [1]);
  return Session.open(graph.model("trivial"), { purpose: "trivial", folder: ".", device: "webgpu", threads: 1 });
}

function hasDeviceFile(): boolean {
  if (["/dev/nvidia0", "/dev/dxg"].some((file) => existsSync(file))) return true;
  return existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
}
