import { afterEach, describe, expect, it } from "vitest";
import type { Trainable } from "../../../src/compute/engine.js";
import { openEngine } from "../../../src/compute/index.js";
import { ThreadChannel } from "../../../src/compute/thread/channel.js";
import { collate } from "../../../src/data/row.js";
import { CoxswainError } from "../../../src/errors.js";
import { relativeDifference } from "../../support/allclose.js";
import { openGolden } from "../../support/compute/golden.js";
import { withGolden } from "../../support/compute/engine.js";

const settings = {
  engine: "auto",
  device: "auto",
  dtype: "auto",
  threads: 1,
  gradientCheckpointing: false,
  quantization: null,
} as const;
const opened: Trainable[] = [];
afterEach(async () => {
  for (const trainable of opened.splice(0)) await trainable.dispose();
});

async function inThread(): Promise<{ trainable: Trainable; golden: Awaited<ReturnType<typeof openGolden>> }> {
  const golden = await openGolden("llama");
  const { engine, options } = await openEngine(settings);
  const trainable = await engine.load(golden.model, golden.lora, options);
  opened.push(trainable);
  await trainable.setParameters(await golden.startingAdapter(trainable.layout));
  return { trainable, golden };
}

describe("computing in a thread", () => {
  it("gives the same bits as computing without one", async () => {
    const { trainable, golden } = await inThread();
    const batch = collate(golden.rows);
    const inside = new Float32Array(trainable.layout.size);
    const sum = await trainable.gradients(batch, inside);
    const loss = await trainable.loss(batch);
    const decoder = await trainable.decoder(1);
    const logits = await decoder.feed(Int32Array.of(5, 6), Uint8Array.of(1, 1), 2);
    await decoder.close();
    await withGolden("llama", async (direct) => {
      const outside = new Float32Array(direct.layout.size);
      expect(trainable.layout).toEqual(direct.layout);
      expect(sum).toEqual(await direct.gradients(batch, outside));
      expect(loss).toEqual(await direct.loss(batch));
      expect(inside.every((value, i) => Object.is(value, outside[i]))).toBe(true);
      const other = await direct.decoder(1);
      expect(logits).toEqual(await other.feed(Int32Array.of(5, 6), Uint8Array.of(1, 1), 2));
    });
  });

  it("supports the tfjs engine and its backends", async () => {
    const golden = await openGolden("llama");
    const { engine, options, device, reason } = await openEngine({ ...settings, engine: "tfjs" });
    expect([engine.name, device]).toEqual(["tfjs", "cpu"]);
    expect(reason).toContain("only with device: cuda");
    const trainable = await engine.load(golden.model, golden.lora, options);
    opened.push(trainable);
    await trainable.setParameters(await golden.startingAdapter(trainable.layout));
    const { name } = trainable.backend;
    expect(["tfjs-node-gpu", "tfjs-node", "wasm"]).toContain(name);
    const gradient = new Float32Array(trainable.layout.size);
    const sum = await trainable.gradients(collate(golden.rows), gradient);
    expect(sum.lossSum / sum.tokens / golden.firstStep.loss).toBeCloseTo(1, 6);
    const mean = gradient.map((value) => value / sum.tokens);
    expect(relativeDifference(mean, await golden.firstGradients(trainable.layout))).toBeLessThan(1e-5);
  });

  it("keeps the event loop free, so that a worker answers its coordinator", async () => {
    const { trainable, golden } = await inThread();
    const long = Array.from({ length: 8 }, () => golden.rows[1]!);
    const computing = trainable.gradients(collate(long), new Float32Array(trainable.layout.size));
    let done = false;
    void computing.then(() => (done = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    await computing;
  });

  it("keeps an error's code, message and hint", async () => {
    const golden = await openGolden("llama");
    const { engine, options } = await openEngine(settings);
    const wrong = { ...golden.lora, targetModules: ["nonsense"] };
    const error: unknown = await engine.load(golden.model, wrong, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CoxswainError);
    expect(error).toMatchObject({
      code: "model",
      message: expect.stringContaining('"nonsense" matches no linear layer') as string,
    });
    expect((error as CoxswainError).hint).toContain("q_proj");
  });

  it("fails the pending call when the thread crashes", async () => {
    const channel = new ThreadChannel(
      new URL("data:text/javascript,setTimeout(() => { throw new Error('out of luck'); }, 10)"),
    );
    await expect(channel.call("dispose", null)).rejects.toThrow("the compute thread crashed: out of luck");
    await expect(channel.call("dispose", null)).rejects.toThrow("the compute thread crashed: out of luck");
    await channel.close();
  });

  it("fails the pending call when the thread is closed", async () => {
    const channel = new ThreadChannel(new URL("data:text/javascript,setInterval(() => {}, 1000)"));
    const call = channel.call("dispose", null);
    const rejected = expect(call).rejects.toThrow("the compute thread has ended");
    await channel.close();
    await rejected;
  });
});
