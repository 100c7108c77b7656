/** Without this, whoever may submit a run may run any program on the machines that serve the queue. */
import { describe, expect, it } from "vitest";
import { parseRun } from "../../../src/config/index.js";
import { refuseSubmittedCommand } from "../../../src/queue/own-commands.js";

const run = (exec: string | null) =>
  parseRun(JSON.stringify({ model: "m", output_dir: "o", data: { train: "t" }, telemetry: { exec } }), "run.yaml");

describe("a command in a submitted run", () => {
  it("is refused", () => {
    for (const sets of [[], ["telemetry.http=null"], ["telemetry.executable=1"]])
      expect(() => refuseSubmittedCommand(run("rm -rf /"), sets)).toThrow(/does not execute/);
  });

  it("is accepted if the server gives it, and none is always accepted", () => {
    refuseSubmittedCommand(run("mine"), ["telemetry.exec=mine"]);
    refuseSubmittedCommand(run(null), []);
  });
});
