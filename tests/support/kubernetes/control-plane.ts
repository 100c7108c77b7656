/**
 * A Kubernetes control plane of real programs on this machine, for one test file: etcd, API server, controllers, scheduler.
 * Has no nodes: `Kubelet` plays them.
 */
import { spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { freePort } from "../../../src/chaos/ports.js";
import { helmFolder } from "../helm.js";
import { temporaryFolder } from "../processes.js";
import { WatchedProcess } from "../watched-process.js";
import type { Finished } from "../watched-process.js";
import { KubernetesApi } from "./api.js";

const programs = join(homedir(), ".cache", "coxswain", "kubernetes");
/** CustomResourceDefinitions of what the chart makes for other operators. */
export const customResources = join(programs, "custom-resources");

/** For a test's name; empty where the programs are there. */
export const whyNoKubernetes = existsSync(join(programs, "kubectl"))
  ? ""
  : " (skipped: no Kubernetes; build it, in ten minutes, with `node scripts/install-kubernetes.mjs`)";

const host = "127.0.0.1";

export class ControlPlane {
  readonly api: KubernetesApi;
  readonly #kubeconfig: string;
  /** In the order in which they were started. */
  readonly #parts: readonly WatchedProcess[];

  private constructor(kubeconfig: string, parts: readonly WatchedProcess[], api: KubernetesApi) {
    this.#kubeconfig = kubeconfig;
    this.#parts = parts;
    this.api = api;
  }

  /** @returns a cluster without nodes, in which controllers are at work; its owner closes it */
  static async start(): Promise<ControlPlane> {
    const folder = temporaryFolder();
    const [etcd, peer, port, controllers, scheduler] = await freePorts(5);
    const kubeconfig = writeCredentials(folder, `https://${host}:${port}`);
    const parts: WatchedProcess[] = [];
    const start = (name: string, flags: object): WatchedProcess => {
      const part = run(name, flagsOf(flags));
      parts.push(part);
      return part;
    };
    try {
      start("etcd", {
        "data-dir": join(folder, "etcd"),
        "log-level": "error",
        "unsafe-no-fsync": true,
        "listen-client-urls": `http://${host}:${etcd}`,
        "advertise-client-urls": `http://${host}:${etcd}`,
        "listen-peer-urls": `http://${host}:${peer}`,
        "initial-advertise-peer-urls": `http://${host}:${peer}`,
        "initial-cluster": `default=http://${host}:${peer}`,
      });
      await start("kube-apiserver", {
        "etcd-servers": `http://${host}:${etcd}`,
        "bind-address": host,
        "secure-port": port,
        "cert-dir": folder,
        "token-auth-file": join(folder, "tokens.csv"),
        "authorization-mode": "Node,RBAC",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": join(folder, "accounts.pub"),
        "service-account-signing-key-file": join(folder, "accounts.key"),
        "service-cluster-ip-range": "10.96.0.0/16",
        "endpoint-reconciler-type": "none",
      }).until(/Serving securely/);
      const common = { kubeconfig, "bind-address": host, "cert-dir": folder, "leader-elect": false };
      start("kube-controller-manager", {
        ...common,
        "secure-port": controllers,
        "service-account-private-key-file": join(folder, "accounts.key"),
        "use-service-account-credentials": true,
      });
      start("kube-scheduler", { ...common, "secure-port": scheduler });
      const proxy = start("kubectl", { proxy: null, kubeconfig, port: 0 });
      const [, address] = await proxy.until(/Starting to serve on (\S+)/);
      const api = new KubernetesApi(`http://${address}`);
      // What a controller makes, once it is at work.
      await api.until("/api/v1/namespaces/default/serviceaccounts", (accounts) => accounts.length > 0);
      return new ControlPlane(kubeconfig, parts, api);
    } catch (error) {
      await end(parts);
      throw error;
    }
  }

  /** Runs a command line of a user of the cluster to its end: kubectl and helm are the ones of the tests. */
  shell(line: string, cwd?: string): Promise<Finished> {
    const path = [programs, helmFolder, process.env["PATH"]].join(":");
    return new WatchedProcess(
      spawn("sh", ["-ec", line], {
        ...(cwd === undefined ? {} : { cwd }),
        env: { ...process.env, PATH: path, KUBECONFIG: this.#kubeconfig },
      }),
    ).finished;
  }

  /** A namespace whose pods must be as Pod Security's strictest profile wants them, and which warns of what is not. */
  async restrictedNamespace(name: string): Promise<void> {
    const modes = ["enforce", "warn", "audit"];
    const labels = Object.fromEntries(modes.map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]));
    await this.api.create("/api/v1/namespaces", { metadata: { name, labels } });
  }

  /**
   * What is left in a namespace when all is gone that goes, as KIND/NAME; without events, and without what a namespace has
   * from the start.
   * @param expected what is not waited for
   */
  async leftIn(namespace: string, expected: readonly string[]): Promise<string[]> {
    const going = (await this.#objectsIn(namespace)).filter((name) => !expected.includes(name));
    if (going.length > 0)
      await this.shell(`kubectl -n ${namespace} wait --for=delete --timeout=30s ${going.join(" ")}`);
    return this.#objectsIn(namespace);
  }

  async #objectsIn(namespace: string): Promise<string[]> {
    const kinds = await this.shell("kubectl api-resources --namespaced --verbs=list -o name");
    const names = kinds.stdout.split("\n").filter((name) => name !== "" && !name.startsWith("events"));
    const { stdout } = await this.shell(`kubectl -n ${namespace} get ${names.join(",")} -o name --ignore-not-found`);
    const own = ["configmap/kube-root-ca.crt", "serviceaccount/default"];
    return stdout.split("\n").filter((name) => name !== "" && !own.includes(name));
  }

  async close(): Promise<void> {
    await end(this.#parts);
  }
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort([host]));
  return [...ports];
}

/** @returns the kubeconfig's path: of one who may do everything */
function writeCredentials(folder: string, server: string): string {
  const token = randomBytes(24).toString("hex");
  writeFileSync(join(folder, "tokens.csv"), `${token},admin,admin,"system:masters"\n`);
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  writeFileSync(join(folder, "accounts.pub"), publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(join(folder, "accounts.key"), privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  const path = join(folder, "kubeconfig");
  const named = (value: object): object => [{ name: "tests", ...value }];
  const content = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "tests",
    // The API server makes its own certificate, when it starts.
    clusters: named({ cluster: { server, "certificate-authority": join(folder, "apiserver.crt") } }),
    users: named({ user: { token } }),
    contexts: named({ context: { cluster: "tests", user: "tests" } }),
  };
  writeFileSync(path, stringify(content), { mode: 0o600 });
  return path;
}

/** `--name=value`; a null's is a word by itself. */
const flagsOf = (flags: object): string[] =>
  Object.entries(flags).map(([name, value]) => (value === null ? name : `--${name}=${String(value)}`));

function run(name: string, words: readonly string[]): WatchedProcess {
  return new WatchedProcess(spawn(join(programs, name), words, { stdio: ["ignore", "pipe", "pipe"] }));
}

/** The last that was started first. */
async function end(parts: readonly WatchedProcess[]): Promise<void> {
  for (const part of [...parts].reverse()) {
    part.signal("SIGKILL");
    await part.finished;
  }
}
