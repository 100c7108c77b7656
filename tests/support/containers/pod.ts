/**
 * A pod as a container of this machine: the command, environment, user and volumes that its specification says, with the
 * ConfigMaps and Secrets that it names. Has one container. Knows no cluster: the manifests are passed in.
 */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../processes.js";
import { Container, volume } from "./container.js";
import type { Image } from "./image.js";
import type { ContainerNetwork } from "./network.js";

/** Texts by name. */
type Content = Readonly<Record<string, string>>;

/** What is used of a pod's specification (core/v1 PodSpec). */
export interface PodSpec {
  readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
  readonly containers: readonly {
    readonly args: readonly string[];
    readonly env: readonly EnvVar[];
    readonly volumeMounts: readonly {
      readonly name: string;
      readonly mountPath: string;
      readonly readOnly?: boolean;
    }[];
  }[];
  readonly volumes: readonly Volume[];
}

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    /** `metadata.labels['NAME']`, as a Job's controller adds it. */
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

interface Volume {
  readonly name: string;
  readonly emptyDir?: object;
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly projected?: { readonly sources: readonly { readonly configMap: { readonly name: string } }[] };
  readonly secret?: { readonly secretName: string; readonly items?: readonly { readonly key: string }[] };
}

/** What pods take from the cluster that they are in. */
export interface Surroundings {
  readonly image: Image;
  readonly network: ContainerNetwork;
  /** Texts by key, of a ConfigMap; or of a Secret, decoded. @throws where there is none of this name */
  readonly configMap: (name: string) => Content;
  readonly secret: (name: string) => Content;
  /** The folder of a claim: what pods that name it find again. */
  readonly claim: (name: string) => string;
}

export interface PodOptions {
  readonly spec: PodSpec;
  readonly labels?: Content;
  /** Names of Services that select it. */
  readonly names?: readonly string[];
  /** Of its container before this one. */
  readonly address?: string | undefined;
  /** Further arguments, to make a test short. */
  readonly more?: readonly string[];
  /** Volumes of a StatefulSet's claim templates, by the volume's name: the claim's. */
  readonly templates?: Content;
}

export function startPod(pod: PodOptions, around: Surroundings): Container {
  const { spec, labels = {}, names = [], address, more = [], templates = {} } = pod;
  const [container] = spec.containers;
  const { runAsUser, runAsGroup } = spec.securityContext;
  const volumes = new Map(spec.volumes.map((each) => [each.name, each]));
  const folderOf = (name: string): string => {
    const claim = templates[name];
    return folder(
      claim === undefined ? volumes.get(name)! : { name, persistentVolumeClaim: { claimName: claim } },
      around,
    );
  };
  return new Container({
    image: around.image,
    network: around.network,
    names,
    address,
    command: [...container!.args, ...more],
    environment: Object.fromEntries(container!.env.map((each) => [each.name, valueOf(each, labels, around)])),
    user: `${runAsUser}:${runAsGroup}`,
    mounts: container!.volumeMounts
      // Every container has these two of its own.
      .filter(({ mountPath }) => mountPath !== "/tmp" && mountPath !== "/dev/shm")
      .map(({ name, mountPath, readOnly }) => `${folderOf(name)}:${mountPath}:${readOnly === true ? "ro" : "rw"}`),
  });
}

function valueOf({ name, value, valueFrom }: EnvVar, labels: Content, { secret }: Surroundings): string {
  if (valueFrom === undefined) return value ?? "";
  const { secretKeyRef, fieldRef } = valueFrom;
  const label = /^metadata\.labels\['(.+)'\]$/.exec(fieldRef?.fieldPath ?? "")?.[1] ?? "";
  const found = secretKeyRef === undefined ? labels[label] : secret(secretKeyRef.name)[secretKeyRef.key];
  if (found === undefined) throw new Error(`the variable ${name} is from where nothing is known here`);
  return found;
}

function folder({ name, emptyDir, persistentVolumeClaim, projected, secret }: Volume, around: Surroundings): string {
  if (emptyDir !== undefined) return volume();
  if (persistentVolumeClaim !== undefined) return around.claim(persistentVolumeClaim.claimName);
  if (projected !== undefined) {
    const files = projected.sources.flatMap(({ configMap }) => Object.entries(around.configMap(configMap.name)));
    return filled(Object.fromEntries(files), 0o644);
  }
  if (secret === undefined) throw new Error(`volume ${name} is of a kind that is not known here`);
  const content = around.secret(secret.secretName);
  const keys = secret.items?.map(({ key }) => key) ?? Object.keys(content);
  return filled(Object.fromEntries(keys.map((key) => [key, content[key]!])), 0o440);
}

/** Files that are the volume group's, as `fsGroup` makes them. */
function filled(content: Content, mode: number): string {
  const path = join(temporaryFolder(), "volume");
  mkdirSync(path);
  chmodSync(path, 0o755);
  for (const [name, text] of Object.entries(content)) {
    const file = join(path, name);
    writeFileSync(file, text);
    chmodSync(file, mode);
    chownSync(file, 0, 10001);
  }
  return path;
}

/** What a Secret's `data` says. */
export const decoded = (data: Content): Content =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
