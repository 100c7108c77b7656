/** What a pod names of its namespace, read from the API before it is started: ConfigMaps, Secrets, claims, Services. */
import { decoded } from "../containers/pod.js";
import type { PodSpec, Surroundings } from "../containers/pod.js";
import type { KubernetesApi, KubernetesObject } from "./api.js";
import type { Pod } from "./pod-status.js";

type Content = Readonly<Record<string, string>>;

interface WithData extends KubernetesObject {
  readonly data?: Content;
}

interface Claim extends KubernetesObject {
  readonly spec: { readonly volumeName: string };
}

interface PersistentVolume extends KubernetesObject {
  readonly spec: { readonly hostPath: { readonly path: string } };
}

interface Service extends KubernetesObject {
  readonly spec: { readonly selector?: Content };
}

export type PodContent = Pick<Surroundings, "configMap" | "secret" | "claim">;

/** @throws what the API answers where something is not there */
export async function contentOf(
  { metadata, spec }: KubernetesObject & { readonly spec: PodSpec },
  api: KubernetesApi,
): Promise<PodContent> {
  const { volumes, containers } = spec;
  const core = `/api/v1/namespaces/${metadata.namespace!}`;
  const configMapNames = volumes.flatMap(
    ({ projected }) => projected?.sources.map((each) => each.configMap.name) ?? [],
  );
  const secretNames = [
    ...volumes.flatMap(({ secret }) => secret?.secretName ?? []),
    ...containers.flatMap(({ env }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? [])),
  ];
  const claimNames = volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  const [configMaps, secrets, claims] = await Promise.all([
    byName(configMapNames, async (name) => (await api.get<WithData>(`${core}/configmaps/${name}`)).data ?? {}),
    byName(secretNames, async (name) => decoded((await api.get<WithData>(`${core}/secrets/${name}`)).data ?? {})),
    byName(claimNames, async (name) => {
      const { spec } = await api.get<Claim>(`${core}/persistentvolumeclaims/${name}`);
      return (await api.get<PersistentVolume>(`/api/v1/persistentvolumes/${spec.volumeName}`)).spec.hostPath.path;
    }),
  ]);
  return {
    configMap: (name) => configMaps.get(name)!,
    secret: (name) => secrets.get(name)!,
    claim: (name) => claims.get(name)!,
  };
}

/** Names under which others find a pod: those of the Services that select it, as the cluster's DNS has them. */
export async function serviceNames({ metadata }: Pod, api: KubernetesApi): Promise<string[]> {
  const { namespace = "", labels = {} } = metadata;
  const services = await api.list<Service>(`/api/v1/namespaces/${namespace}/services`);
  const selects = ({ spec }: Service): boolean =>
    spec.selector !== undefined && Object.entries(spec.selector).every(([name, value]) => labels[name] === value);
  return services
    .filter(selects)
    .map(({ metadata: { name } }) => name)
    .flatMap((name) => ["", `.${namespace}`, `.${namespace}.svc`].map((rest) => `${name}${rest}`));
}

async function byName<T>(names: readonly string[], read: (name: string) => Promise<T>): Promise<Map<string, T>> {
  return new Map(await Promise.all([...new Set(names)].map(async (name) => [name, await read(name)] as const)));
}
