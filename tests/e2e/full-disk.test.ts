/** A disk that is full, or becomes full: what is kept, where, and what is reported. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readObjects } from "../../src/telemetry/json-lines.js";
import { canMount, onSameDisk, onSmallDisk } from "../support/namespaces.js";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, smallRun } from "../support/runs.js";

/** An adapter of 59 kB, a checkpoint of 180. */
const runFile = (folder: string, training: object = {}): string =>
  writeRun(folder, smallRun({ training: { max_steps: 3, ...training } }));

const onDisk = ["--set", "output_dir=/mnt/out"];
const whereMounting = canMount ? describe : describe.skip;
const needs = canMount ? "" : " (needs Linux with user namespaces: unshare --user --mount)";

whereMounting(`a full disk${needs}`, () => {
  it("gets a warning before training, with the needed and the free space", async () => {
    const { stdout } = await onSmallDisk(200, ["train", runFile(temporaryFolder()), ...onDisk]).finished;
    expect(stdout).toMatch(
      /warning: this run writes about 3\d\d\.\d kB \(1 checkpoint of 161\.3 kB, the adapter, logs\), and the disk of \/mnt\/out has 204\.8 kB free/,
    );
    expect(stdout.indexOf("warning:")).toBeLessThan(stdout.indexOf("listening on"));
  });

  it("with room for the adapter keeps it in output_dir and says so", async () => {
    const folder = temporaryFolder();
    const file = runFile(folder);
    const copy = `cp /mnt/out/adapter/adapter_model.safetensors ${folder}`;
    const { code, stderr } = await onSmallDisk(160, ["train", file, ...onDisk], copy).finished;
    expect(stderr).toMatch(/step-000003\/optimizer\.safetensors: no space left on the disk/);
    expect(stderr).toContain("the adapter of step 3 is in /mnt/out/adapter; there is no checkpoint");
    expect(code).toBe(6);
    expect((await coxswain(["train", file])).code).toBe(0);
    const rescued = readFileSync(join(folder, "adapter_model.safetensors"));
    expect(rescued.equals(adapterBytes(join(folder, "out")))).toBe(true);
  });

  it("without any room writes the adapter to the --rescue folder", async () => {
    const folder = temporaryFolder();
    const rescue = join(folder, "elsewhere");
    const args = ["train", runFile(folder), ...onDisk, "--rescue", rescue];
    for (const name of ["out-step-000003", "out-step-000003-2"]) {
      const { code, stderr } = await onSmallDisk(60, args).finished;
      expect(stderr).toContain(`the adapter of step 3 is in ${join(rescue, name)}; there is no checkpoint`);
      expect(stderr).toMatch(/hint: The run is complete: use it from there\./);
      expect(code).toBe(6);
      expect(existsSync(join(rescue, name, "adapter_config.json"))).toBe(true);
    }
  });

  it("during a run lets it train to its end, and reports the metrics lines that are missing", async () => {
    const folder = temporaryFolder();
    const rescue = join(folder, "elsewhere");
    const file = runFile(folder, { max_steps: 200 });
    const { code, stdout, stderr } = await onSmallDisk(32, ["train", file, ...onDisk, "--rescue", rescue]).finished;
    expect(stdout.match(/\.jsonl: the disk is full; training continues/g)).toHaveLength(1);
    expect(stderr).toContain(
      `the adapter of step 200 is in ${join(rescue, "out-step-000200")}; there is no checkpoint`,
    );
    expect(stderr).toMatch(/metrics\.jsonl: the disk is full: \d+ lines could not be written/);
    expect(existsSync(join(rescue, "out-step-000200", "adapter_model.safetensors"))).toBe(true);
    expect(code).toBe(6);
  });

  it("that gets room again has a metrics line of every step, in order", async () => {
    const folder = temporaryFolder();
    const args = ["train", runFile(folder, { max_steps: 400, save_steps: 400 }), ...onDisk];
    const ballast = "head -c 1000k /dev/zero > /mnt/ballast";
    const run = onSmallDisk(1032, args, `cp /mnt/out/metrics.jsonl /mnt/out/events.jsonl ${folder}`, ballast);
    await run.until(/\.jsonl: the disk is full; training continues/);
    expect(await onSameDisk(run, ["rm", "/mnt/ballast"])).toBe(0);
    const { code, stderr } = await run.finished;
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const steps = readObjects(join(folder, "metrics.jsonl")).map(({ step }) => step);
    expect(steps).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
    expect(readObjects(join(folder, "events.jsonl")).map(({ event }) => event)).toContain("run_finished");
  });

  it("without --rescue reports what could not be written, with --rescue as the hint", async () => {
    const { code, stderr } = await onSmallDisk(60, ["train", runFile(temporaryFolder()), ...onDisk]).finished;
    expect(stderr).toMatch(/the adapter of step 3 could not be written either \(.*no space left/);
    expect(stderr).toMatch(/hint: .*--rescue DIR/);
    expect(code).toBe(6);
  });
});

it("a --rescue folder that cannot be created is refused before training", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "file"), "");
  const { code, stderr } = await coxswain(["train", runFile(folder), "--rescue", join(folder, "file", "rescue")]);
  expect(stderr).toMatch(/--rescue: .*file\/rescue cannot be written to/);
  expect(code).toBe(2);
  expect(existsSync(join(folder, "out"))).toBe(false);
});
