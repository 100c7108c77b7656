/** These tests protect: a run that cannot go on, because it takes its own events for training data. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { refuseDataFolder } from "../../../src/output/index.js";
import { temporaryFolder } from "../model/helpers.js";

/** A folder with data in `data/`, a file and a folder beside it, and a link to it. */
function laidOut(): (name: string) => string {
  const folder = temporaryFolder();
  for (const name of ["data", "other"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "data", "train.jsonl"), "{}\n");
  symlinkSync(join(folder, "data"), join(folder, "link"));
  return (name) => `${folder}/${name}`;
}

describe("output_dir is rejected if a run would read its own files as data", () => {
  it.each([
    ["data", "data"],
    ["data/", "data"],
    ["other/../data/.", "data"],
    ["link", "data"],
    ["data", "link"],
  ])("%s, if the data are in %s", (output, source) => {
    const at = laidOut();
    const refusal = (key: string): RegExp => new RegExp(`output_dir: .* is also the folder of data\\.${key}`);
    const train = at("other");
    expect(() => refuseDataFolder(at(output), { train: at(source), eval: null })).toThrow(refusal("train"));
    expect(() => refuseDataFolder(at(output), { train: [train, at(source)], eval: null })).toThrow(refusal("train"));
    expect(() => refuseDataFolder(at(output), { train, eval: at(source) })).toThrow(refusal("eval"));
  });

  it.each([
    ["data/runs", "data"],
    ["data", "data/train.jsonl"],
    ["other", "data"],
    [".", "data"],
    ["none", "none"],
  ])("but not %s, if the data are in %s", (output, source) => {
    const at = laidOut();
    expect(() => refuseDataFolder(at(output), { train: at(source), eval: null })).not.toThrow();
  });
});
