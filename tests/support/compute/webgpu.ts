/** One WebGPU session that stays open: the runtime forgets compiled shaders when the last one is closed. */
import { GraphBuilder } from "../../../src/compute/onnx/graph-builder.js";
import { Session } from "../../../src/compute/onnx/session.js";

let open: Promise<Session> | null = null;

export async function keepWebgpuOpen(): Promise<void> {
  open ??= openTrivialSession();
  await open;
}

/** The identity of one number, on WebGPU. */
export function openTrivialSession(): Promise<Session> {
  const graph = GraphBuilder.for("webgpu");
  const x = graph.input("x", "float32", [1]);
  graph.output("y", graph.op("Neg", [x]), "float32", [1]);
  return Session.open(graph.model("trivial"), { purpose: "test", folder: ".", device: "webgpu", threads: 1 });
}
