/**
 * The API of a cluster, by way of `kubectl proxy`, which brings address and credentials. Knows paths and JSON, and no kind of
 * object.
 */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
    readonly deletionGracePeriodSeconds?: number;
  };
}

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

/** What the API server answers to what it does not do. */
export class Refused extends Error {
  readonly status: number;

  constructor(what: string, status: number, answer: string) {
    super(`${what}: ${status} ${answer}`);
    this.status = status;
  }
}

export class KubernetesApi {
  readonly #address: string;

  /** @param address of the proxy: http://127.0.0.1:PORT */
  constructor(address: string) {
    this.#address = address;
  }

  get<T>(path: string): Promise<T> {
    return this.#ask("GET", path) as Promise<T>;
  }

  /** Objects of a collection: /api/v1/namespaces/training/pods */
  async list<T>(path: string): Promise<readonly T[]> {
    return (await this.get<{ readonly items: readonly T[] }>(path)).items;
  }

  create(path: string, object: object): Promise<unknown> {
    return this.#ask("POST", path, object);
  }

  /** Changes the fields that are given, of kinds that Kubernetes itself has: objects are merged, and lists by their keys. */
  patch(path: string, fields: object): Promise<unknown> {
    return this.#ask("PATCH", path, fields, "application/strategic-merge-patch+json");
  }

  delete(path: string, options: object = {}): Promise<unknown> {
    return this.#ask("DELETE", path, options);
  }

  /** What becomes of a collection's objects, beginning with those that are there. Ends with the signal, or with its reader. */
  async *watch<T>(path: string, signal?: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const asked = `${path}${path.includes("?") ? "&" : "?"}watch=1&timeoutSeconds=3600`;
    try {
      const response = await fetch(`${this.#address}${asked}`, { signal: signal ?? null });
      if (!response.ok || response.body === null)
        throw new Refused(`watch ${path}`, response.status, await response.text());
      let rest = "";
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop()!;
        for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  }

  /**
   * Waits until the objects of a collection are as they should be.
   * @param path as of `watch`; one object by ?fieldSelector=metadata.name=NAME
   * @returns them
   */
  async until<T extends KubernetesObject>(
    path: string,
    are: (objects: readonly T[]) => boolean,
  ): Promise<readonly T[]> {
    const objects = new Map<string, T>();
    // A collection that is empty tells nothing of itself.
    if ((await this.list(path)).length === 0 && are([])) return [];
    for await (const { type, object } of this.watch<T>(path)) {
      const { uid = "" } = object.metadata;
      if (type === "DELETED") objects.delete(uid);
      else objects.set(uid, object);
      const all = [...objects.values()];
      if (are(all)) return all;
    }
    throw new Error(`${path}: the watch ended before they were as they should be`);
  }

  async #ask(method: string, path: string, body?: object, contentType = "application/json"): Promise<unknown> {
    const response = await fetch(`${this.#address}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": contentType } }),
    });
    const answer = await response.text();
    if (!response.ok) throw new Refused(`${method} ${path}`, response.status, answer);
    return JSON.parse(answer);
  }
}
