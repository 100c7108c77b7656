/** A model's download that broke off is continued by the next process. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { resolveModel } from "../../../src/model/index.js";
import { FakeHub } from "../../support/hub/hub.js";
import { expectTrouble, floatsFile, temporaryFolder } from "../model/helpers.js";

it("keeps what has arrived of a model's weights for the next start", async () => {
  const hub = await FakeHub.start();
  onTestFinished(() => hub.close());
  const values = Array.from({ length: 50_000 }, (_, index) => index);
  const weights = floatsFile({ a: { shape: [values.length], values } });
  hub.add("model", "org/model", { "config.json": '{"model_type": "llama"}', "model.safetensors": weights });
  const cacheDir = temporaryFolder();
  const environment = { HF_ENDPOINT: hub.url, HF_HOME: temporaryFolder() };
  const options = { cacheDir, environment, wait: () => Promise.resolve() };
  hub.troubles.breakAfter.push(70_000, 0, 0, 0, 0);
  await expectTrouble(resolveModel("org/model", options), "network");
  const folder = await resolveModel("org/model", options);
  expect(readFileSync(join(folder, "model.safetensors")).equals(weights)).toBe(true);
  expect(hub.bytesSent).toBe(weights.length);
  expect(readdirSync(join(cacheDir, "models", "hub", "org--model", "parts"))).toEqual([]);
});
