/** `coxswain status` of a run that is over, or whose coordinator cannot be reached from here. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { smallRun } from "../support/runs.js";

function newRun(): { run: string; output: string } {
  const folder = temporaryFolder();
  return { run: writeRun(folder, smallRun()), output: join(folder, "out") };
}

describe("the status of a finished run", () => {
  it("is its summary, by run file and by folder, as text and as JSON, with exit code 0", async () => {
    const { run, output } = newRun();
    const before = await coxswain(["status", run]);
    expect(before.code).toBe(5);
    expect(before.stderr).toContain("Start it with");
    expect((await coxswain(["train", run])).code).toBe(0);
    const asked = await coxswain(["status", run]);
    expect(asked).toMatchObject({ code: 0, stderr: "" });
    expect(asked.stdout).toMatch(/^completed\nstep 2\/2 .*\n[^]*^adapter adapter\n/m);
    const json = await coxswain(["status", output, "--json"]);
    expect(json).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(json.stdout)).toMatchObject({ state: "completed", step: 2, adapter: join(output, "adapter") });
    const watched = await coxswain(["status", output, "--watch"]);
    expect(watched).toMatchObject({ code: 0, stderr: "" });
    expect(watched.stdout).toMatch(/^completed\n/);
    // What needs a coordinator says that there is none.
    const paused = await coxswain(["pause", output]);
    expect(paused.code).toBe(5);
    expect(paused.stderr).toContain("the run finished after 2 steps");

    // On another machine, for itself alone: the lock is fresh, and nobody can be asked.
    const elsewhere = { host: "elsewhere", pid: 7, started: null, address: "127.0.0.1:7070" };
    writeFileSync(join(output, ".lock"), JSON.stringify(elsewhere));
    const led = await coxswain(["status", output, "--json"]);
    expect(led.code).toBe(0);
    expect(led.stderr).toContain("it runs on elsewhere (process 7)");
    expect(JSON.parse(led.stdout)).toMatchObject({ state: "running", step: 2 });
  });
});
