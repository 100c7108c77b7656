/** A network of containers: a bridge in a network namespace of its own, addresses, and names in /etc/hosts. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../processes.js";

/** Why containers cannot be started here, as part of a test's name; empty where they can. */
export function whyNoContainers(): string {
  const made = spawnSync("unshare", [
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "ip",
    "link",
    "add",
    "br0",
    "type",
    "bridge",
  ]);
  return made.status === 0
    ? ""
    : " (skipped: needs root and namespaces, `unshare` and `ip`: apt-get install util-linux iproute2)";
}

export interface Place {
  /** Of its end of the cable. */
  readonly link: string;
  readonly address: string;
}

export class ContainerNetwork {
  /** The file that is /etc/hosts of every container. */
  readonly hosts = join(temporaryFolder(), "hosts");
  readonly #holder: ChildProcess;
  readonly #addresses = new Map([["localhost", "127.0.0.1"]]);
  #next = 2;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
    this.#write();
  }

  /** @returns a network that its owner closes */
  static async open(): Promise<ContainerNetwork> {
    const bridge = "ip link set lo up; ip link add br0 type bridge; ip link set br0 up; echo ready; exec cat";
    // It lives until its standard input is closed, at the latest by the end of this process.
    const holder = spawn("unshare", ["--net", "sh", "-ec", bridge], { stdio: ["pipe", "pipe", "inherit"] });
    await once(holder.stdout, "data");
    return new ContainerNetwork(holder);
  }

  get holder(): number {
    return this.#holder.pid!;
  }

  /**
   * @param names under which the other containers find it, and no longer who had them before
   * @param address of a container that has ended, whose place this one takes: else a new one
   */
  place(names: readonly string[], address = `10.0.0.${this.#next}`): Place {
    const number = this.#next++;
    for (const name of names) this.#addresses.set(name, address);
    this.#write();
    return { link: `veth${number}`, address };
  }

  close(): void {
    this.#holder.stdin?.end();
  }

  #write(): void {
    const lines = [...this.#addresses].map(([name, address]) => `${address} ${name}\n`);
    writeFileSync(this.hosts, lines.join(""));
  }
}
