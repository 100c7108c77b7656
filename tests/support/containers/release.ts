/** A release of the chart without a cluster: what its StatefulSet and its Job would start, as containers of this machine. */
import { join } from "node:path";
import { chart, render } from "../helm.js";
import type { Manifest } from "../helm.js";
import { volume } from "./container.js";
import type { Container } from "./container.js";
import type { Image } from "./image.js";
import type { ContainerNetwork } from "./network.js";
import { decoded, startPod } from "./pod.js";
import type { PodSpec, Surroundings } from "./pod.js";

interface Workload extends Manifest {
  readonly spec: { readonly template: { readonly spec: PodSpec }; readonly parallelism: number };
}

export interface ReleaseOptions {
  readonly image: Image;
  readonly network: ContainerNetwork;
  /** Set over the quickstart's values, as `--set` has them. */
  readonly set: readonly string[];
  /** Secrets that are there beside the release's own, decoded. */
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export class Release {
  readonly #manifests: readonly Manifest[];
  readonly #surroundings: Surroundings;
  /** Folders of claims, by name. */
  readonly #claims = new Map<string, string>();

  constructor({ image, network, set, secrets = {} }: ReleaseOptions) {
    const sets = set.flatMap((each) => ["--set", each]);
    this.#manifests = render(["--values", join(chart, "examples", "quickstart.yaml"), ...sets]);
    this.#surroundings = {
      image,
      network,
      configMap: (name) => dataOf(this.#find("ConfigMap", name)),
      secret: (name) => secrets[name] ?? decoded(dataOf(this.#find("Secret", name))),
      claim: (name) => {
        if (!this.#claims.has(name)) this.#claims.set(name, volume());
        return this.#claims.get(name)!;
      },
    };
  }

  /** Starts the StatefulSet's pod; another one finds what it left. Without evaluation, which takes a test's time. */
  coordinator(): Container {
    const { spec } = this.#find("StatefulSet") as Workload;
    const names = [this.#find("Service").metadata.name];
    const more = ["--set=data.eval=null"];
    return startPod({ spec: spec.template.spec, names, more, templates: { output: "output" } }, this.#surroundings);
  }

  /** Starts the Job's pods. */
  workers(): Container[] {
    const { template, parallelism } = (this.#find("Job") as Workload).spec;
    return Array.from({ length: parallelism }, () => startPod({ spec: template.spec }, this.#surroundings));
  }

  /** The run's output folder, once there was a coordinator. */
  get output(): string {
    return join(this.#claims.get("output")!, "run");
  }

  #find(kind: string, name?: string): Manifest {
    const is = (each: Manifest): boolean => each.kind === kind && (name === undefined || each.metadata.name === name);
    return this.#manifests.find(is)!;
  }
}

const dataOf = (manifest: Manifest): Record<string, string> => manifest["data"] as Record<string, string>;
