/**
 * Weights that are in memory, as tensors to feed to every session of a model. For WebGPU they are copied to the
 * device once: fed from the processor's memory they would be copied at every call.
 */
import type { Device } from "../engine.js";
import { GraphBuilder } from "./graph-builder.js";
import type { ResidentWeights } from "./resident.js";
import { Session, type Feeds, type TensorClass } from "./session.js";

export interface DeviceWeights {
  readonly feeds: Feeds;
  close(): Promise<void>;
}

/** @param shapes of the weights, by name */
export async function deviceWeights(
  resident: ResidentWeights,
  shapes: ReadonlyMap<string, readonly number[]>,
  device: Device,
  TensorOf: TensorClass,
): Promise<DeviceWeights> {
  const entries = [...resident].map(
    ([name, { type, values }]) => [name, new TensorOf(type, values, shapes.get(name) ?? [])] as const,
  );
  const feeds: Feeds = Object.fromEntries(entries);
  if (device !== "webgpu" || resident.size === 0) return { feeds, close: () => Promise.resolve() };
  const copied = (name: string): string => `${name} on the device`;
  const graph = GraphBuilder.for(device);
  for (const [name, { type }] of resident) {
    const dims = shapes.get(name) ?? [];
    graph.output(copied(name), graph.op("Identity", [graph.input(name, type, dims)]), type, dims);
  }
  const names = [...resident.keys()];
  const settings = { purpose: "weights", folder: ".", device, threads: 1, staying: names.map(copied) };
  const session = await Session.open(graph.model("weights"), settings);
  const outputs = await session.run(feeds, names.map(copied));
  const held: Feeds = {};
  for (const name of names) {
    const tensor = outputs[copied(name)];
    if (tensor !== undefined) held[name] = tensor;
  }
  return {
    feeds: held,
    async close() {
      for (const tensor of Object.values(held)) tensor.dispose();
      // Last: the device is released with the last session.
      await session.close();
    },
  };
}
