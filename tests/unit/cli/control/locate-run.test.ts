import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { locateRun } from "../../../../src/cli/control/locate-run.js";
import { runSchema, serializeRun } from "../../../../src/config/index.js";
import { CoxswainError } from "../../../../src/errors.js";
import { lockOutputFolder } from "../../../../src/run-lock.js";
import { listeningPort } from "../../../support/listening.js";
import { temporaryFolder } from "../../model/helpers.js";

/** A folder with a run file, and its output folder. */
function newRun(cluster: object = {}): { file: string; output: string } {
  const folder = temporaryFolder();
  const file = join(folder, "run.yaml");
  const output = join(folder, "out");
  writeFileSync(file, JSON.stringify({ model: "m", output_dir: "out", data: { train: "t.jsonl" }, cluster }));
  mkdirSync(output);
  return { file, output };
}

async function trouble(located: Promise<unknown>): Promise<CoxswainError> {
  try {
    await located;
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("it was found");
}

const event = (output: string, name: string, more: object = {}): void =>
  appendFileSync(join(output, "events.jsonl"), `${JSON.stringify({ time: "t", event: name, ...more })}\n`);
const step = (output: string, number: number): void =>
  appendFileSync(join(output, "metrics.jsonl"), `${JSON.stringify({ step: number, loss: 1 })}\n`);

describe("the coordinator of a run", () => {
  it("is found by the address, or at the default one", async () => {
    expect(await locateRun(undefined, { coordinator: "head:1", token: "t", tlsCa: "ca.pem" })).toEqual({
      address: "head:1",
      addressKey: "--coordinator",
      token: "t",
      tls: { ca: "ca.pem", cert: undefined, key: undefined },
      proxy: "none",
    });
    expect(await locateRun(undefined, { token: "" })).toMatchObject({
      address: "127.0.0.1:7070",
      token: null,
      tls: undefined,
      proxy: "none",
    });
  });

  it("is found by the run's file or output folder: at its actual port and with its settings", async () => {
    const { file, output } = newRun({ token: "5ecret" });
    const tls = { cert: "/etc/c.pem", key: "/etc/k.pem" };
    const started = { model: "m", output_dir: output, data: { train: "t" }, cluster: { listen: "0.0.0.0:0", tls } };
    writeFileSync(join(output, "resolved.yaml"), serializeRun(runSchema.parse(started)));
    const lock = lockOutputFolder(output);
    const port = await listeningPort();
    try {
      lock.announce(`0.0.0.0:${port}`);
      const found = {
        address: `127.0.0.1:${port}`,
        tls: { ca: "/etc/c.pem", cert: undefined, key: undefined, pinned: "/etc/c.pem" },
        proxy: "none",
      };
      expect(await locateRun(file, {})).toEqual({ ...found, addressKey: file, token: "5ecret" });
      expect(await locateRun(output, {})).toEqual({ ...found, addressKey: output, token: null });
      const given = await locateRun(file, { token: "other", tlsCa: "ca.pem" });
      expect(given).toMatchObject({ token: "other", tls: { ca: "ca.pem" } });
    } finally {
      lock.release();
    }
  });
});

describe("the error about a run that cannot be controlled reports its state", () => {
  it("no such run, a folder without one, or a run and an address", async () => {
    const folder = temporaryFolder();
    expect(await trouble(locateRun(join(folder, "none"), {}))).toMatchObject({
      code: "config",
      message: `${join(folder, "none")}: no such run file or output folder`,
    });
    expect((await trouble(locateRun("head:7070", {}))).hint).toBe("Give an address as --coordinator head:7070.");
    expect((await trouble(locateRun(folder, {}))).message).toBe(`${folder}: there is no run in this folder`);
    expect(await trouble(locateRun(folder, { coordinator: "head:1" }))).toMatchObject({ code: "usage" });
  });

  it("still starting", async () => {
    const { file, output } = newRun();
    const lock = lockOutputFolder(output);
    expect(await trouble(locateRun(file, {}))).toMatchObject({
      code: "cluster",
      message: `${file}: its coordinator (process ${process.pid}) is still starting`,
    });
    lock.release();
  });

  it("completed, failed, stopped, killed, or never begun", async () => {
    const { file, output } = newRun();
    expect((await trouble(locateRun(file, {}))).hint).toMatch(/^Start it/);
    event(output, "worker_joined", { worker: "w", host: "h", pid: 1 });
    step(output, 1);
    step(output, 2);
    const killed = await trouble(locateRun(file, {}));
    expect(killed.message).toBe(`${file}: this run has no running coordinator`);
    expect(killed.hint).toMatch(/^It was interrupted after step 2: .*continue with .* --resume/);
    for (const [name, message] of [
      ["run_stopped", "this run has no running coordinator"],
      ["run_failed", "the run failed after step 2"],
      ["run_finished", "the run finished after 2 steps"],
    ] as const) {
      event(output, name);
      event(output, "worker_left", { worker: "w", reason: "over" });
      expect(await trouble(locateRun(output, {}))).toMatchObject({ code: "cluster", message: `${output}: ${message}` });
    }
  });

  it("its coordinator was killed: its stale files are ignored", async () => {
    const { file, output } = newRun();
    const gone = { host: hostname(), pid: 2 ** 22 - 1, started: "1", address: "127.0.0.1:41234" };
    writeFileSync(join(output, ".lock"), JSON.stringify(gone));
    expect((await trouble(locateRun(file, {}))).message).toBe(`${file}: this run has no running coordinator`);
  });

  it("on another machine, where it listens on loopback; otherwise it is reached there", async () => {
    const { file, output } = newRun();
    const elsewhere = (address: string): void =>
      writeFileSync(join(output, ".lock"), JSON.stringify({ host: "head", pid: 1, started: null, address }));
    elsewhere("127.0.0.1:41234");
    expect((await trouble(locateRun(file, {}))).message).toBe(
      `${file}: its coordinator runs on head and listens on loopback only`,
    );
    elsewhere("0.0.0.0:41234");
    expect((await locateRun(file, {})).address).toBe("head:41234");
    elsewhere("10.0.0.7:41234");
    expect((await locateRun(file, {})).address).toBe("10.0.0.7:41234");
  });
});
