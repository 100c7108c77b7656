/**
 * A node of a cluster, as far as a kubelet makes it one: it runs the pods that the scheduler gives it as containers of this
 * machine, probes them, starts them again, ends them when they are deleted, and reports all of it. What it has not: a
 * container engine, a network of its own (pods of all nodes are on one), exec, logs and port-forward.
 */
import type { Image } from "../containers/image.js";
import type { ContainerNetwork } from "../containers/network.js";
import type { KubernetesApi } from "./api.js";
import type { Pod } from "./pod-status.js";
import { PodWorker } from "./pod-worker.js";

export interface KubeletOptions {
  readonly api: KubernetesApi;
  /** The node's. */
  readonly name: string;
  readonly image: Image;
  readonly network: ContainerNetwork;
}

/** A kubelet's, with which the control plane knows that a node is alive. */
const leaseSeconds = 40;
const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const ready = { type: "Ready", status: "True", reason: "KubeletReady", message: "" };
/** No GPU is there: what comes of that is tested, too. */
const capacity = { cpu: "8", memory: "32Gi", pods: "110", "ephemeral-storage": "100Gi", "nvidia.com/gpu": "1" };

export class Kubelet {
  readonly #options: KubeletOptions;
  /** By UID: all that were given to this node, also those that are gone. */
  readonly #pods = new Map<string, PodWorker>();
  readonly #stopped = new AbortController();
  #heartbeat: NodeJS.Timeout | undefined;
  #watching: Promise<void> = Promise.resolve();

  private constructor(options: KubeletOptions) {
    this.#options = options;
  }

  /** @returns a node that takes pods; its owner closes it */
  static async join(options: KubeletOptions): Promise<Kubelet> {
    const kubelet = new Kubelet(options);
    await kubelet.#register();
    kubelet.#watching = kubelet.#watch();
    return kubelet;
  }

  /** A pod of this node, by its UID. */
  pod(uid: string): PodWorker | undefined {
    return this.#pods.get(uid);
  }

  /** As a node that is lost: what ran is killed, and nobody is told. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#stopped.abort();
    await this.#watching;
    await Promise.all([...this.#pods.values()].map((pod) => pod.close()));
  }

  async #register(): Promise<void> {
    const { api, name } = this.#options;
    const labels = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" };
    const lease = (): object => ({
      spec: {
        holderIdentity: name,
        leaseDurationSeconds: leaseSeconds,
        renewTime: new Date().toISOString().replace("Z", "000Z"),
      },
    });
    await api.create("/api/v1/nodes", { metadata: { name, labels } });
    await api.create(leases, { metadata: { name }, ...lease() });
    await api.patch(`/api/v1/nodes/${name}/status`, {
      status: { capacity, allocatable: capacity, conditions: [ready] },
    });
    this.#heartbeat = setInterval(() => void api.patch(`${leases}/${name}`, lease()), (leaseSeconds * 1000) / 4);
  }

  async #watch(): Promise<void> {
    const { api, name } = this.#options;
    const path = `/api/v1/pods?fieldSelector=spec.nodeName=${name}`;
    for await (const { type, object: pod } of api.watch<Pod>(path, this.#stopped.signal)) {
      const uid = pod.metadata.uid!;
      if (type === "DELETED") continue;
      if (this.#pods.has(uid)) this.#pods.get(uid)!.changed(pod);
      else if (pod.status.phase === "Pending") this.#pods.set(uid, new PodWorker(pod, this.#options));
    }
  }
}
