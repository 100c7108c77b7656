/** Linux namespaces for tests: a small private disk, and a private network in which every port is free. */
import { spawn, spawnSync } from "node:child_process";
import { onTestFinished } from "vitest";
import { program } from "./processes.js";
import { WatchedProcess } from "./watched-process.js";

/** Arguments of `unshare` for a user namespace: root inside, the current user outside. */
const unshare = (flags: readonly string[]): string[] => ["--user", "--map-root-user", ...flags];

function works(script: string, flags: readonly string[]): boolean {
  return spawnSync("unshare", [...unshare(flags), "sh", "-c", script]).status === 0;
}

/** Whether this user may create mount namespaces and network namespaces. */
export const canMount = works("mount -t tmpfs none /mnt", ["--mount"]);
export const canIsolateNetwork = works("ip link set lo up", ["--net"]);

/**
 * Runs the program with a disk of `kibibytes` KiB mounted at /mnt.
 * @param afterwards a command that runs after the program, with the same output
 * @param before a command that prepares the disk
 */
export function onSmallDisk(
  kibibytes: number,
  args: readonly string[],
  afterwards = "true",
  before = "true",
): WatchedProcess {
  const script = `mount -t tmpfs -o size=${kibibytes}k none /mnt && ${before} && "$@"; code=$?; ${afterwards}; exit $code`;
  return watched("unshare", [...unshare(["--mount"]), "sh", "-c", script, "sh", process.execPath, program, ...args]);
}

/** Runs a command on the disk of a running program. */
export async function onSameDisk(running: WatchedProcess, command: readonly string[]): Promise<number | null> {
  const flags = ["--target", String(running.child.pid), "--user", "--preserve-credentials", "--mount"];
  return (await watched("nsenter", [...flags, ...command]).finished).code;
}

/** A private network that lasts until the end of the test. */
export class PrivateNetwork {
  readonly #holder: WatchedProcess;

  private constructor(holder: WatchedProcess) {
    this.#holder = holder;
  }

  static async open(): Promise<PrivateNetwork> {
    const holder = watched("unshare", [
      ...unshare(["--net"]),
      "sh",
      "-c",
      "ip link set lo up && echo ready && exec cat",
    ]);
    await holder.until(/ready/);
    return new PrivateNetwork(holder);
  }

  /** Starts a process in this network. */
  start(command: string, args: readonly string[]): WatchedProcess {
    const target = String(this.#holder.child.pid);
    const flags = ["--target", target, "--user", "--preserve-credentials", "--net"];
    return watched("nsenter", [...flags, command, ...args]);
  }

  coxswain(args: readonly string[]): WatchedProcess {
    return this.start(process.execPath, [program, ...args]);
  }
}

/** Starts a process that is killed at the end of the test, together with the processes it started. */
function watched(command: string, args: readonly string[]): WatchedProcess {
  const child = spawn(command, args, {
    env: { ...process.env, NO_COLOR: "1", COXSWAIN_TOKEN: "" },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  onTestFinished(() => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has already exited.
    }
  });
  return new WatchedProcess(child);
}
