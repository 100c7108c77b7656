/** Two releases on one cluster, as after an upgrade of half of the machines. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { spawn } from "node:child_process";
import { clusterRun, startCoordinator } from "../support/cluster.js";
import { coxswain, projectFolder, temporaryFolder } from "../support/processes.js";
import { WatchedProcess } from "../support/watched-process.js";

/** This build, saying that it is another release. @returns its program */
function release(version: string): string {
  const folder = temporaryFolder();
  cpSync(join(projectFolder, "dist"), join(folder, "dist"), { recursive: true });
  cpSync(join(projectFolder, "proto"), join(folder, "proto"), { recursive: true });
  symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  const text = readFileSync(join(projectFolder, "package.json"), "utf8");
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...(JSON.parse(text) as object), version }));
  return join(folder, "dist", "cli", "main.js");
}

it("a worker of another minor release is refused, naming both; one of another patch release takes part", async () => {
  const own = (JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as { version: string }).version;
  const [major = "", minor = ""] = own.split(".");
  const { file, address } = await clusterRun({ steps: 2 });
  const coordinator = startCoordinator(file);
  await coordinator.until(/listening on/);
  const worker = (version: string): WatchedProcess => {
    const words = [release(version), "worker", "--coordinator", address, "--http", "none", "--reconnect-timeout", "30"];
    return new WatchedProcess(spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] }));
  };
  const other = `${major}.${Number(minor) + 1}.0`;
  const refused = await worker(other).finished;
  expect(refused.stderr).toContain(`the coordinator is Coxswain ${own} (protocol 3), the worker Coxswain ${other}`);
  expect(refused.code).toBe(5);
  // Whoever steers a run computes nothing.
  expect((await coxswain(["status", "--coordinator", address])).code).toBe(0);
  const patched = `${major}.${minor}.99`;
  expect((await worker(patched).finished).code).toBe(0);
  expect((await coordinator.finished).code).toBe(0);
});
