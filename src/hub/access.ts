/** How this process reaches a hub: its address, the token, the proxy. Independent of models and data sets. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CoxswainError } from "../errors.js";
import type { Proxy } from "../proxy/index.js";
import type { Environment } from "../storage/index.js";
import { huggingFaceHome } from "./cache.js";
import { hubFetch, hubProxy } from "./fetch.js";

/** How to reach a hub. */
export interface HubAccess {
  /** "https://…", without a trailing slash. */
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: typeof fetch;
  /** Where the token is from: "HF_TOKEN", or the file of `hf auth login`. */
  readonly tokenOrigin: string;
  /** Aborts the requests of `fetch`. */
  readonly signal: AbortSignal | undefined;
  /** The proxy in use, for messages. */
  readonly proxy: Proxy | undefined;
  /** Waits before another attempt, ms. */
  readonly wait: (milliseconds: number) => Promise<void>;
}

export interface HubAccessOptions {
  /** For HF_TOKEN, HF_ENDPOINT and proxies. */
  readonly environment: Environment;
  /** Default: `HF_ENDPOINT`, otherwise the public hub. */
  readonly hubUrl?: string | undefined;
  /** Default: `fetch`, through the proxy set in the environment. */
  readonly fetch?: typeof fetch | undefined;
  /** Aborts requests and downloads. */
  readonly signal?: AbortSignal | undefined;
  /** Waits between attempts, ms. Default: a timer. */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
}

const publicHub = "https://huggingface.co";

/** @throws CoxswainError "config" for an invalid HF_ENDPOINT or proxy variable */
export async function hubAccess(options: HubAccessOptions): Promise<HubAccess> {
  const { environment, signal } = options;
  const url = hubUrl(options.hubUrl ?? environment["HF_ENDPOINT"]);
  const through = options.fetch ?? (await hubFetch(environment));
  return {
    url,
    ...(await hubToken(environment)),
    signal,
    fetch: signal === undefined ? through : abortable(through, signal),
    proxy: options.fetch === undefined ? hubProxy(url, environment) : undefined,
    wait: options.wait ?? ((milliseconds) => delay(milliseconds, undefined, signal === undefined ? {} : { signal })),
  };
}

function abortable(through: typeof fetch, signal: AbortSignal): typeof fetch {
  return (input, init) => {
    const own = init?.signal;
    return through(input, { ...init, signal: own == null ? signal : AbortSignal.any([own, signal]) });
  };
}

/** Whether HF_HUB_OFFLINE forbids asking the hub. */
export const isOffline = (environment: Environment): boolean =>
  /^(1|on|yes|true)$/i.test(environment["HF_HUB_OFFLINE"] ?? "");

/** `HF_TOKEN`, otherwise what `hf auth login` stored. */
async function hubToken(environment: Environment): Promise<Pick<HubAccess, "token" | "tokenOrigin">> {
  const named = environment["HF_TOKEN"]?.trim();
  if (named !== undefined && named !== "") return { token: named, tokenOrigin: "HF_TOKEN" };
  const home = huggingFaceHome(environment);
  const given = environment["HF_TOKEN_PATH"] ?? "";
  const path = given !== "" ? given : home === undefined ? undefined : join(home, "token");
  const stored = path === undefined ? "" : (await readFile(path, "utf8").catch(() => "")).trim();
  return stored === "" || path === undefined
    ? { token: undefined, tokenOrigin: "HF_TOKEN" }
    : { token: stored, tokenOrigin: path };
}

function hubUrl(text: string | undefined): string {
  if (text === undefined || text === "") return publicHub;
  if (!/^https?:[/][/]/.test(text) || !URL.canParse(text)) {
    throw new CoxswainError("config", `HF_ENDPOINT is ${JSON.stringify(text)}, which is not an http URL`, {
      hint: `Set it to the URL of a Hugging Face hub, such as ${publicHub}, or unset it.`,
    });
  }
  return text.replace(/[/]+$/, "");
}
