/** A whole cluster on this machine, for one test file: a control plane, nodes that run the image's containers, volumes. */
import { removeContainers, volume } from "../containers/container.js";
import type { Container } from "../containers/container.js";
import { layOutImage } from "../containers/image.js";
import { ContainerNetwork } from "../containers/network.js";
import { temporaryFolder } from "../processes.js";
import type { KubernetesObject } from "./api.js";
import { ControlPlane } from "./control-plane.js";
import { Kubelet } from "./kubelet.js";

const nodes = ["node-a", "node-b"];

export class Cluster {
  readonly controlPlane: ControlPlane;
  readonly #network: ContainerNetwork;
  readonly #kubelets: readonly Kubelet[];

  private constructor(controlPlane: ControlPlane, network: ContainerNetwork, kubelets: readonly Kubelet[]) {
    this.controlPlane = controlPlane;
    this.#network = network;
    this.#kubelets = kubelets;
  }

  /** @returns one that its owner closes */
  static async start(): Promise<Cluster> {
    const [image, network, controlPlane] = await Promise.all([
      layOutImage(temporaryFolder()),
      ContainerNetwork.open(),
      ControlPlane.start(),
    ]);
    const { api } = controlPlane;
    const kubelets = await Promise.all(nodes.map((name) => Kubelet.join({ api, name, image, network })));
    return new Cluster(controlPlane, network, kubelets);
  }

  /** Storage for one claim that names no class. @returns its folder, which every node has */
  async provide(name: string): Promise<string> {
    const path = volume();
    const accessModes = ["ReadWriteOnce", "ReadWriteMany"];
    const spec = { capacity: { storage: "100Gi" }, accessModes, hostPath: { path } };
    await this.controlPlane.api.create("/api/v1/persistentvolumes", { metadata: { name }, spec });
    return path;
  }

  /** What runs of a pod, or ran last. @throws Error where nothing has */
  container({ metadata: { uid = "", name } }: KubernetesObject): Container {
    const [found] = this.#kubelets.flatMap((kubelet) => kubelet.pod(uid)?.container ?? []);
    if (found === undefined) throw new Error(`no node has run a container of the pod ${name}`);
    return found;
  }

  async close(): Promise<void> {
    await Promise.all(this.#kubelets.map((kubelet) => kubelet.close()));
    await removeContainers();
    this.#network.close();
    await this.controlPlane.close();
  }
}
