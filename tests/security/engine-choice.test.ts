/** A member that says that it computes with another engine than everyone else: it locks nobody out. */
import { status } from "@grpc/grpc-js";
import { afterEach, beforeAll, expect, it } from "vitest";
import { HonestWorker, refusal, trainToTheEnd, welcomedMember } from "../support/hostile.js";
import type { Control } from "../support/hostile.js";
import { layoutFingerprint, startHarness } from "../support/service-harness.js";
import type { Harness } from "../support/service-harness.js";

const token = "5ecret";
const [size, shards, totalSteps] = [16, 6, 5];
const harness = (): Promise<Harness> => startHarness({ token, size, shards, totalSteps });
const closers: (() => unknown)[] = [];
let undisturbed: string;

beforeAll(async () => {
  const server = await harness();
  undisturbed = await trainToTheEnd(server, token, size);
  await server.close();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The first member of a run, which says what it computes with. */
async function firstComer(ready: object): Promise<{ server: Harness; control: Control }> {
  const server = await harness();
  closers.push(() => server.close());
  const { client, control } = await welcomedMember(server.server.port, token, "mallory");
  closers.push(() => client.close());
  control.write({ ready: { layoutFingerprint, ...ready } });
  return { server, control };
}

it("lets the honest train when the first comer names another engine, and refuses the first comer", async () => {
  const { server, control } = await firstComer({ engine: "ENGINE_TFJS", device: "DEVICE_CPU", backend: "wasm" });
  const refused = refusal(control);
  const worker = new HonestWorker(server.server.port, token, "honest", size);
  closers.push(() => worker.close());
  expect(await worker.finished).toBe(true);
  expect(worker.replica.hash()).toBe(undisturbed);
  const { code, details } = await refused;
  expect(code).toBe(status.FAILED_PRECONDITION);
  expect(details).toContain(
    "the run is computed with onnx (onnxruntime) on cpu, this worker computes with tfjs (wasm)",
  );
  expect(server.events.find(({ event }) => event === "engine_chosen")).toMatchObject({ engine: "onnx" });
});

it("refuses a first comer with an engine that nobody knows", async () => {
  const { server, control } = await firstComer({ engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "mine" });
  expect((await refusal(control)).details).toContain("which this version does not know");
  expect(await trainToTheEnd(server, token, size)).toBe(undisturbed);
});
