/** One pod on a node, from when it is given to the node until it is gone. Its container's restarts are new ones. */
import { setTimeout as wait } from "node:timers/promises";
import type { Container } from "../containers/container.js";
import { startPod } from "../containers/pod.js";
import type { PodSpec } from "../containers/pod.js";
import type { KubeletOptions } from "./kubelet.js";
import { endedStatus, runningStatus } from "./pod-status.js";
import type { Ended, Pod, Running } from "./pod-status.js";
import { Probes } from "./probes.js";
import type { ProbedContainer } from "./probes.js";
import { contentOf, serviceNames } from "./surroundings.js";

/** What is used of a pod's specification beyond what a container needs. */
interface NodePod extends Pod {
  readonly spec: Pod["spec"] &
    PodSpec & { readonly containers: readonly ProbedContainer[]; readonly terminationGracePeriodSeconds: number };
}

const now = (): string => new Date().toISOString().replace(/\.\d+/, "");

export class PodWorker {
  /** The one that runs, or ran last; none before the first is there. */
  container: Container | undefined;
  /** Ends when the pod is over. Rejects where it cannot be run, which is a mistake of the tests. */
  readonly over: Promise<void>;
  readonly #pod: NodePod;
  readonly #options: KubeletOptions;
  readonly #path: string;
  readonly #deleted = new AbortController();
  /** The node is gone: nothing is reported any more. */
  #closed = false;

  constructor(pod: Pod, options: KubeletOptions) {
    this.#pod = pod as NodePod;
    this.#options = options;
    this.#path = `/api/v1/namespaces/${pod.metadata.namespace ?? ""}/pods/${pod.metadata.name}`;
    this.over = this.#live();
    // A test that waits for the pod would otherwise not know.
    this.over.catch((error: unknown) => console.error(`the pod ${this.name} cannot be run:`, error));
  }

  get name(): string {
    return this.#pod.metadata.name;
  }

  changed({ metadata }: Pod): void {
    if (metadata.deletionTimestamp === undefined || this.#deleted.signal.aborted) return;
    this.#deleted.abort();
    void this.container?.stop(metadata.deletionGracePeriodSeconds ?? 0);
  }

  /** Kills what runs. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#deleted.abort();
    await this.container?.remove();
    await this.over;
  }

  async #live(): Promise<void> {
    let before: Ended | undefined;
    let restarts = 0;
    for (; !this.#deleted.signal.aborted; restarts++) {
      before = await this.#runContainer(restarts, before);
      if (this.#pod.spec.restartPolicy !== "Always") break;
      // The first at once, then later and later.
      await wait(Math.min(restarts, 10) * 1000, undefined, { signal: this.#deleted.signal }).catch(() => undefined);
    }
    if (this.#closed) return;
    if (before !== undefined) await this.#report(endedStatus(this.#pod, before, Math.max(0, restarts - 1)));
    if (!this.#deleted.signal.aborted) return;
    const { uid } = this.#pod.metadata;
    await this.#options.api.delete(this.#path, { gracePeriodSeconds: 0, preconditions: { uid } });
  }

  async #runContainer(restarts: number, before: Ended | undefined): Promise<Ended> {
    const { api, image, network } = this.#options;
    const { spec, metadata } = this.#pod;
    const content = await contentOf(this.#pod, api);
    const names = await serviceNames(this.#pod, api);
    const container = startPod(
      { spec, names, labels: metadata.labels ?? {}, address: this.container?.address },
      { image, network, ...content },
    );
    const pid = await container.started;
    this.container = container;
    const startedAt = now();
    let running: Running = {
      address: container.address,
      startedAt,
      started: false,
      ready: false,
      restarts,
      before,
    };
    const report = async (changes: Partial<Running>): Promise<void> => {
      running = { ...running, ...changes };
      await this.#report(runningStatus(this.#pod, running));
    };
    await report({});
    const probes = new Probes(spec.containers[0]!, pid, {
      started: () => void report({ started: true }),
      ready: (is) => (is === running.ready ? undefined : void report({ ready: is })),
      dead: () => void container.stop(spec.terminationGracePeriodSeconds),
    });
    // It may have been deleted before it was there.
    if (this.#deleted.signal.aborted) void container.remove();
    const { code } = await container.finished;
    probes.close();
    return { exitCode: code ?? 137, startedAt, finishedAt: now() };
  }

  async #report(status: object): Promise<void> {
    if (!this.#closed) await this.#options.api.patch(`${this.#path}/status`, { status });
  }
}
