/** These tests protect: files of their own, or a run that could have gone on. */
import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { runSchema, serializeRun } from "../../../src/config/index.js";
import { claimProblem } from "../../../src/output/claim.js";
import { lookInto } from "../../../src/output/contents.js";
import { checkOutputFolder, holdOutputFolder, writeResolved } from "../../../src/output/index.js";
import { openRunFiles } from "../../../src/telemetry/index.js";
import { errorOf } from "../../support/errors.js";
import { temporaryFolder } from "../model/helpers.js";

const settings = serializeRun(runSchema.parse({ model: "m", output_dir: "o", data: { train: "t" } }));
const earlierSettings = settings.replace(/^.*\n/, "# The run with every default, as it was started.\n");
const stepLine = '{"step":1,"loss":2,"supervised_tokens":3,"step_seconds":4}\n';
const eventLine = '{"time":"2026-01-01T00:00:00.000Z","event":"run_started"}\n';

/** A folder with these files; a name that ends in / is an empty folder. */
function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(path, text);
  }
  return folder;
}

const problemIn = (folder: string): string | undefined => claimProblem(folder, lookInto(folder))?.message;

describe("a folder is accepted", () => {
  it.each([
    ["is empty", {}],
    ["holds the user's run file and data", { "run.yaml": "model: m\n", "train.jsonl": "{}\n", "README.md": "" }],
    [
      "holds what a run leaves that was killed at once",
      { "logs/": "", "metrics.jsonl": "", "events.jsonl": "", ".committing": "" },
    ],
    ["holds a log of ours alone", { "logs/coordinator.log": '{"level":30,"time":1,"name":"coordinator"}\n' }],
    [
      "is a run's",
      { "resolved.yaml": settings, "metrics.jsonl": stepLine, "adapter/x": "", "checkpoints/step-000001/x": "" },
    ],
    ["is a run's with notes of its user", { "resolved.yaml": settings, "logs/notes.txt": "mine", "plan.md": "" }],
    ["is a run's of an earlier release", { "run.yaml": earlierSettings, "events.jsonl": "", "adapter/x": "" }],
    [
      "lost its settings, but not its events",
      { "events.jsonl": eventLine, "adapter/x": "", "metrics.jsonl": stepLine },
    ],
    [
      "has nothing but checkpoints of ours",
      { "checkpoints/step-000002/trainer_state.json": '{"state_hash": "x"}', "metrics.jsonl": stepLine },
    ],
    ["was taken from the queue", { "queue.json": '{"submission":"a","step":0,"attempts":1}' }],
  ])("%s", (_, files) => {
    expect(problemIn(folderWith(files))).toBeUndefined();
  });

  it("if it does not exist yet, or is a link to one", () => {
    const folder = temporaryFolder();
    expect(problemIn(join(folder, "none", "deeper"))).toBeUndefined();
    mkdirSync(join(folder, "disk"));
    symlinkSync(join(folder, "disk"), join(folder, "out"));
    expect(problemIn(join(folder, "out"))).toBeUndefined();
  });

  it("if its checkpoints are on another disk, by a link", () => {
    const folder = folderWith({ "resolved.yaml": settings, "elsewhere/step-000001/x": "" });
    symlinkSync(join(folder, "elsewhere"), join(folder, "checkpoints"));
    expect(problemIn(folder)).toBeUndefined();
    rmSync(join(folder, "resolved.yaml"));
    expect(problemIn(folder)).toMatch(/already holds checkpoints/);
  });
});

describe("a folder with other files is rejected, naming the file", () => {
  it.each([
    ["resolved.yaml", { "resolved.yaml": "mine: true\n" }],
    ["resolved.yaml", { "resolved.yaml": "mine: true\n", "events.jsonl": eventLine }],
    ["queue.json", { "resolved.yaml": settings, "queue.json": "[]" }],
    [".lock", { "resolved.yaml": settings, ".lock": "mine" }],
    [".committing", { ".committing": "mine" }],
    ["metrics.jsonl", { "metrics.jsonl": "step,loss\n1,2\n" }],
    ["events.jsonl", { "events.jsonl": "not JSON" }],
    ["adapter/", { "adapter/adapter_config.json": "{}" }],
    ["checkpoints/", { "checkpoints/checkpoint-500/trainer_state.json": '{"state_hash": 1}' }],
    ["logs/", { "logs/events.out.tfevents.1": "x" }],
    ["logs/", { "logs/coordinator.log": "plain text\n" }],
    ["metrics.jsonl/", { "metrics.jsonl/": "" }],
    ["logs", { logs: "" }],
    // A copy of an earlier release's settings serves as a run file.
    ["adapter/", { "run.yaml": earlierSettings, "adapter/x": "" }],
  ])("%s", (name, files) => {
    const folder = folderWith(files);
    expect(problemIn(folder)).toBe(`output_dir: ${folder} already holds ${name}, which Coxswain did not write`);
  });

  it("and so is a file in place of the folder", () => {
    const folder = folderWith({ out: "mine" });
    expect(problemIn(join(folder, "out"))).toBe(`output_dir: ${join(folder, "out")} is not a folder`);
    expect(errorOf(() => holdOutputFolder(join(folder, "out", "deeper"), { resume: false })).message).toContain(
      "cannot be written to",
    );
  });
});

describe("a held folder", () => {
  it("is created last, and removed with its created parents if the start fails", () => {
    const folder = temporaryFolder();
    const output = join(folder, "runs", "mine");
    const held = holdOutputFolder(output, { resume: false });
    expect(lookInto(output).kind).toBe("absent");
    held.make();
    writeFileSync(join(output, "metrics.jsonl"), "");
    held.release({ failed: true });
    expect(lookInto(join(folder, "runs")).kind).toBe("absent");
    const again = holdOutputFolder(output, { resume: false });
    again.make();
    again.release();
    expect(lookInto(output)).toEqual({ kind: "folder", marked: false, entries: [] });
  });

  it("is checked again when it is created: another process may have been faster", () => {
    const output = join(temporaryFolder(), "mine");
    const held = holdOutputFolder(output, { resume: false });
    const files = openRunFiles(output);
    writeResolved(runSchema.parse({ model: "m", output_dir: output, data: { train: "t" } }));
    appendFileSync(join(output, "metrics.jsonl"), stepLine);
    files.close();
    expect(errorOf(() => held.make()).message).toMatch(/already holds steps of a run/);
    held.release({ failed: true });
    expect(errorOf(() => checkOutputFolder(output, { resume: false })).message).toMatch(/already holds steps/);
    expect(() => checkOutputFolder(output, { resume: true })).not.toThrow();
  });
});
