import { describe, expect, it } from "vitest";
import { chooseGpus, visibleGpus } from "../../../src/compute/gpus.js";

describe("a worker computes on the requested GPU", () => {
  it.each([
    ["all", ["0", "1", "2"]],
    ["2, 0", ["2", "0"]],
  ])("--devices %s of three", (asked, expected) => {
    expect(chooseGpus(asked, ["0", "1", "2"])).toEqual(expected);
  });

  it.each([
    ["0,3", ["0", "1"], "--devices: there is no GPU 3", "There are: 0, 1."],
    ["1", ["0"], "--devices: there is no GPU 1", "There is: 0."],
    ["0,0", ["0", "1"], "--devices 0,0: a GPU is listed twice", "Each worker uses one GPU: list each GPU once."],
    ["all", [], "--devices all: there is no GPU to compute on", "No NVIDIA GPU is visible"],
    [",", ["0"], "--devices ,: there is no GPU to compute on", "There is: 0."],
  ])("--devices %s of %j is refused", (asked, visible, message, hint) => {
    const choosing = (): unknown => chooseGpus(asked, visible);
    expect(choosing).toThrow(expect.objectContaining({ code: "config", message }));
    expect(choosing).toThrow(expect.objectContaining({ hint: expect.stringContaining(hint) as string }));
  });

  it("the environment's GPUs take precedence over the machine's", async () => {
    const installed = (): Promise<string[]> => Promise.resolve(["0", "1", "2", "3"]);
    expect(await visibleGpus({}, installed)).toEqual(["0", "1", "2", "3"]);
    expect(await visibleGpus({ CUDA_VISIBLE_DEVICES: "3, 1" }, installed)).toEqual(["3", "1"]);
    expect(await visibleGpus({ CUDA_VISIBLE_DEVICES: "" }, installed)).toEqual([]);
  });
});
