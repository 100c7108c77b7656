/** What ONNX Runtime leaves behind in the home folder of who uses it, and so whether it reports to anybody. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const program = `
  import { GraphBuilder } from "./dist/compute/onnx/graph-builder.js";
  import { Session } from "./dist/compute/onnx/session.js";
  const graph = GraphBuilder.for("cpu");
  graph.output("y", graph.op("Neg", [graph.input("x", "float32", [1])]), "float32", [1]);
  const session = await Session.open(graph.model("trivial"), { purpose: "test", folder: ".", device: "cpu", threads: 1 });
  await session.close();
`;

/**
 * Files of a home folder after a session was opened and closed there. Nothing else of the tests' environment is passed on:
 * the runtime also is silent where a variable says that this is a CI service (CI, GITHUB_ACTIONS …), which would hide
 * what is looked for.
 */
async function filesLeft(environment: Readonly<Record<string, string>>): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), "coxswain-home-"));
  try {
    await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program], {
      env: { PATH: process.env["PATH"], HOME: home, ...environment },
    });
    return readdirSync(home, { recursive: true }).map(String);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

it("the runtime sends no telemetry", async () => {
  expect(await filesLeft({})).toEqual([]);
});

it.runIf(process.platform === "linux")("the test above detects telemetry when it is enabled", async () => {
  expect(await filesLeft({ ORT_DISABLE_TELEMETRY: "0" })).toContainEqual(expect.stringContaining("deviceid"));
});
