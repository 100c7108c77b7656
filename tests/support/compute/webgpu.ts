/** One WebGPU session that stays open: the runtime forgets compiled shaders when the last one is closed. */
import { openTrivialSession } from "../../../src/compute/onnx/probe.js";
import type { Session } from "../../../src/compute/onnx/session.js";

let open: Promise<Session> | null = null;

export async function keepWebgpuOpen(): Promise<void> {
  open ??= openTrivialSession();
  await open;
}
