/** Files that another local user, or the author of an archive, put where Coxswain reads and writes. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { startOf } from "../../src/processes.js";
import { coxswain, CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { smallRun } from "../support/runs.js";

const secret = "the-token-of-this-user";
const withToken = { env: { COXSWAIN_TOKEN: secret } };

/** An address that keeps the headers of whoever calls it. */
async function listener(): Promise<{ port: number; heard: () => string; close: () => void }> {
  const heard: string[] = [];
  const server = createServer();
  server.on("stream", (stream, headers) => {
    heard.push(JSON.stringify(headers));
    stream.respond({ ":status": 200, "grpc-status": "12" }, { endStream: true });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, heard: () => heard.join("\n"), close: () => server.close() };
}

const openListeners: { close: () => void }[] = [];
afterEach(() => {
  for (const { close } of openListeners.splice(0)) close();
});

async function attacker() {
  const opened = await listener();
  openListeners.push(opened);
  return opened;
}

/** An output folder whose lock names an address. */
function folderWithLock(lock: object): string {
  const folder = temporaryFolder();
  const output = join(folder, "out");
  mkdirSync(output);
  writeFileSync(join(output, ".lock"), JSON.stringify({ host: hostname(), ...lock }));
  return output;
}

const isLinux = process.platform === "linux";
const isRoot = process.getuid?.() === 0;

describe("a lock that somebody else wrote", () => {
  it.runIf(isLinux)("does not get the token sent to the address in it", async () => {
    const { port, heard } = await attacker();
    const address = `127.0.0.1:${port}`;
    const locks: readonly object[] = [
      // The process of the listener, without and with a wrong time of its start.
      { pid: process.pid, started: null, address },
      { pid: process.pid, started: "1", address },
      // A process that exists, and does not listen there.
      { pid: process.ppid, started: startOf(process.ppid), address },
      { pid: 1, started: startOf(1), address },
      // A machine that is this one, under another name.
      { host: "localhost", pid: 1, started: null, address: `0.0.0.0:${port}` },
    ];
    for (const lock of locks) {
      const output = folderWithLock(lock);
      for (const command of ["status", "pause", "stop"]) {
        const { code, stderr } = await coxswain([command, output], withToken);
        expect(stderr, JSON.stringify(lock)).toMatch(
          /^error: .*(is not used|the token is not sent|no running coordinator|on loopback)/m,
        );
        expect(code).not.toBe(0);
      }
    }
    expect(heard()).toBe("");
  });

  it.runIf(isLinux && isRoot)("is refused for its owner, however true it is (needs root)", async () => {
    const { port, heard } = await attacker();
    const output = folderWithLock({ pid: process.pid, started: startOf(process.pid), address: `127.0.0.1:${port}` });
    chownSync(join(output, ".lock"), 12_345, 12_345);
    const { code, stderr } = await coxswain(["status", output], withToken);
    expect(stderr).toContain(`${join(output, ".lock")}: the file belongs to another user (uid 12345)`);
    expect(stderr).toContain("--coordinator HOST:PORT");
    expect(code).toBe(2);
    expect(heard()).toBe("");
  });

  it.runIf(isLinux && isRoot)("nor do another user's settings say how the token is sent (needs root)", async () => {
    const folder = temporaryFolder();
    const { code } = await coxswain(["train", writeRun(folder, smallRun())]);
    expect(code).toBe(0);
    const settings = join(folder, "out", "resolved.yaml");
    chownSync(settings, 12_345, 12_345);
    const { stderr } = await coxswain(["status", join(folder, "out")], withToken);
    expect(stderr).toContain(`${settings}: the file belongs to another user (uid 12345)`);
  });

  it.runIf(isLinux).each(["pipe", "device"])("does not hang a command by being a %s", async (kind) => {
    const output = folderWithLock({});
    rmSync(join(output, ".lock"));
    if (kind === "pipe") execFileSync("mkfifo", [join(output, ".lock")]);
    else symlinkSync("/dev/zero", join(output, ".lock"));
    const { code, stderr } = await coxswain(["status", output], withToken);
    expect(stderr).toMatch(/\.lock: is (a pipe|a symbolic link), not a file/);
    expect(code).toBe(6);
  });

  it("does not keep the owner of a run from its status and its end, with the token", async () => {
    const folder = temporaryFolder();
    const file = writeRun(folder, smallRun({ training: { max_steps: 100_000 }, cluster: { token: secret } }));
    const run = new CoxswainProcess(["train", file]);
    await run.until(/^step +2\//m);
    const { code, stdout } = await coxswain(["status", join(folder, "out"), "--json"], withToken);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: "training" });
    expect((await coxswain(["stop", file], withToken)).code).toBe(0);
    await run.finished;
  });
});

describe.runIf(process.platform !== "win32")("an output folder", () => {
  let finished: string;
  beforeAll(async () => {
    const folder = temporaryFolder();
    const run = smallRun({
      training: { save_steps: 1, lr_scheduler_type: "constant" },
      cluster: { token: secret },
      telemetry: { tensorboard: true },
    });
    const umask = process.umask(0o077);
    try {
      expect((await coxswain(["train", writeRun(folder, run)], withToken)).code).toBe(0);
    } finally {
      process.umask(umask);
    }
    finished = join(folder, "out");
  });

  const filesIn = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => join(entry.parentPath, entry.name));

  it("follows the umask with every file and folder", () => {
    const open = filesIn(finished).filter((path) => (statSync(path).mode & 0o077) !== 0);
    expect(open).toEqual([]);
    expect(filesIn(finished).length).toBeGreaterThan(10);
  });

  it("holds no token in any file", () => {
    const files = filesIn(finished).filter((path) => statSync(path).isFile());
    expect(files.filter((path) => readFileSync(path).includes(secret))).toEqual([]);
  });

  it.each([
    ["metrics.jsonl", "file"],
    ["events.jsonl", "file"],
    ["samples.jsonl", "file"],
    [".committing", "file"],
    ["resolved.yaml", "file"],
    ["logs/coordinator.log", "file"],
    ["logs/worker-0.log", "file"],
    ["logs", "folder"],
    ["adapter", "folder"],
    ["checkpoints", "folder"],
    ["tensorboard", "folder"],
  ] as const)("of a run is not written through a link in place of %s", async (name, kind) => {
    const folder = temporaryFolder();
    const output = join(folder, "out");
    cpSync(finished, output, { recursive: true });
    rmSync(join(output, name), { recursive: true, force: true });
    const theirs = join(folder, "theirs");
    const inside = join(theirs, "authorized_keys");
    mkdirSync(theirs);
    writeFileSync(inside, "kept\n");
    symlinkSync(kind === "file" ? inside : theirs, join(output, name));
    const run = smallRun({
      training: { save_steps: 1, max_steps: 3, lr_scheduler_type: "constant" },
      telemetry: { tensorboard: true },
    });
    const { code, stderr } = await coxswain(["train", writeRun(folder, run), "--resume"]);
    expect(readdirSync(theirs)).toEqual(["authorized_keys"]);
    expect(readFileSync(inside, "utf8")).toBe("kept\n");
    expect(stderr).toContain(name.split("/").at(-1));
    expect(code).not.toBe(0);
  });

  it("may have its checkpoints on another disk, by the user's own link", async () => {
    const folder = temporaryFolder();
    const output = join(folder, "out");
    cpSync(finished, output, { recursive: true });
    cpSync(join(output, "checkpoints"), join(folder, "disk"), { recursive: true });
    rmSync(join(output, "checkpoints"), { recursive: true });
    symlinkSync(join(folder, "disk"), join(output, "checkpoints"));
    const run = smallRun({ training: { save_steps: 1, max_steps: 3, lr_scheduler_type: "constant" } });
    expect((await coxswain(["train", writeRun(folder, run), "--resume"])).code).toBe(0);
    expect(readdirSync(join(folder, "disk"))).toContain("step-000003");
  });

  it.each(["metrics.jsonl", "events.jsonl", "resolved.yaml"])(
    "does not hang a command with a pipe as %s",
    async (name) => {
      const output = join(temporaryFolder(), "out");
      cpSync(finished, output, { recursive: true });
      rmSync(join(output, name));
      execFileSync("mkfifo", [join(output, name)]);
      chmodSync(join(output, name), 0o600);
      for (const args of [
        ["status", output],
        ["compare", output, finished],
        ["plot", output, "-o", join(output, "x.svg")],
      ]) {
        const { code } = await coxswain(args);
        expect([0, 2, 5, 6]).toContain(code);
      }
    },
  );
});
