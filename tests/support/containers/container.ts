/** A command in a container (`start.sh`): as the image's user, on a root file system that cannot be written, as process 1. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../processes.js";
import { WatchedProcess } from "../watched-process.js";
import type { Finished } from "../watched-process.js";
import type { Image } from "./image.js";
import type { ContainerNetwork } from "./network.js";

export interface ContainerOptions {
  readonly image: Image;
  readonly network: ContainerNetwork;
  /** Under which others find it. */
  readonly names?: readonly string[];
  /** Of a container that has ended, whose place this one takes: else a new one. */
  readonly address?: string | undefined;
  /** In place of the image's ENTRYPOINT. */
  readonly entrypoint?: readonly string[];
  /** In place of the image's CMD. */
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** "SOURCE:TARGET" or "SOURCE:TARGET:ro" */
  readonly mounts?: readonly string[];
  /** UID:GID, in place of the image's USER. */
  readonly user?: string;
}

const script = fileURLToPath(new URL("start.sh", import.meta.url));
/** What a base image sets, with the Node that runs the tests in front. */
const path = "/base/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const containers: Container[] = [];

/** Ends what a test file has left behind. To be called after all of its tests. */
export async function removeContainers(): Promise<void> {
  await Promise.all(containers.splice(0).map((container) => container.remove()));
}

/** A folder for a volume, as an engine makes it from a folder of the image that everyone may write. */
export function volume(): string {
  const folder = `${temporaryFolder()}/volume`;
  mkdirSync(folder);
  chmodSync(folder, 0o1777);
  return folder;
}

export class Container extends WatchedProcess {
  /** On the containers' network. */
  readonly address: string;
  /** Resolves when its command is process 1, with this machine's number of that process; rejects where it does not come so far. */
  readonly started: Promise<number>;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #user: string;

  constructor(options: ContainerOptions) {
    const { image, network, names = [], mounts = [] } = options;
    const { settings } = image;
    const { entrypoint = settings.entrypoint, command = settings.command, user = settings.user } = options;
    const environment = { PATH: path, ...settings.environment, ...options.environment };
    const { link, address } = network.place(names, options.address);
    const where = [temporaryFolder(), image.root, user, settings.workingFolder];
    const net = [String(network.holder), link, `${address}/24`, network.hosts];
    const node = `${process.execPath}:/base/bin/node:ro`;
    const words = [...where, ...net, node, ...mounts, "--", ...entrypoint, ...command];
    super(
      spawn("unshare", ["--mount", "--net", "sh", script, ...words], {
        env: environment,
        // The script says on the last that the container is there.
        stdio: ["ignore", "pipe", "pipe", "pipe"],
      }),
    );
    this.address = address;
    this.started = this.#begun();
    this.started.catch(() => undefined);
    this.#environment = environment;
    this.#user = user;
    containers.push(this);
  }

  async #begun(): Promise<number> {
    for await (const _ of this.child.stdio[3] as Readable) return this.#first;
    throw new Error(`the container did not begin: ${(await this.finished).stderr}`);
  }

  /** This machine's number of the container's process 1. @throws Error where there is none (yet) */
  get #first(): number {
    const pid = this.child.pid ?? 0;
    const first = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
    if (!(first > 0)) throw new Error("the container has no process");
    return first;
  }

  /** To the container's process 1, as an engine that stops it does. */
  override signal(signal: NodeJS.Signals): void {
    process.kill(this.#first, signal);
  }

  /** Runs a command in it, as its user: what an engine's health check does. */
  execute(words: readonly string[]): Promise<Finished> {
    const [uid = "", gid = ""] = this.#user.split(":");
    const spaces = ["--target", String(this.#first), "--mount", "--net", "--pid", "--root", "--wd"];
    const child = spawn("nsenter", [...spaces, "--setuid", uid, "--setgid", gid, ...words], { env: this.#environment });
    return new WatchedProcess(child).finished;
  }

  /** Asks it to end, and kills it where it has not after some seconds. Resolves when it has ended. */
  async stop(graceSeconds: number): Promise<Finished> {
    this.#send("SIGTERM");
    const timer = setTimeout(() => this.#send("SIGKILL"), graceSeconds * 1000);
    return this.finished.finally(() => clearTimeout(timer));
  }

  /** Everything in it ends with its process 1. */
  async remove(): Promise<void> {
    this.#send("SIGKILL");
    await this.finished;
  }

  /** A signal for when it has begun; none where it has ended. */
  #send(signal: NodeJS.Signals): void {
    void this.started.then(() => this.signal(signal)).catch(() => undefined);
  }
}
