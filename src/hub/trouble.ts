/** Errors of the hub and its library as messages with hints. Pure. */
import { CoxswainError, messageOf, systemCodeOf, type ErrorCode } from "../errors.js";
import { proxyAnswer, proxyHint } from "../proxy/index.js";
import type { Proxy } from "../proxy/index.js";
import type { HubAccess } from "./access.js";
import { isCommit, type RepositoryKind } from "./cache.js";
import type { HubRepository } from "./listing.js";

export interface Request extends HubRepository {
  readonly revision: string;
  /** "fetch", "publish to" */
  readonly doing: string;
  /** What to do without the hub. */
  readonly byHand: string;
}

export const codeOf = (kind: RepositoryKind): ErrorCode => (kind === "model" ? "model" : "data");

export const inWords = (kind: RepositoryKind): string => (kind === "model" ? "model" : "data set");

/** "owner/name", or "owner/name@revision" */
export const shownName = ({ id, revision }: Pick<Request, "id" | "revision">): string =>
  revision === "main" ? id : `${id}@${isCommit(revision) ? revision.slice(0, 7) : revision}`;

/** Converts errors of requests for a repository's content. */
export function hubTrouble(error: unknown, request: Request, access: HubAccess): Error {
  if (error instanceof CoxswainError) return error;
  const { kind, byHand } = request;
  const { host } = new URL(access.url);
  const name = shownName(request);
  const status = statusOf(error);
  const transport = transportTrouble(error, request, access);
  if (transport !== undefined) return transport;
  if ((status === 401 || status === 403) && /restricted|gated|awaiting/i.test(wordsOf(error))) {
    const { id } = request;
    const page = `${access.url}/${kind === "model" ? "" : "datasets/"}${id}`;
    const account =
      access.token === undefined
        ? "set HF_TOKEN to a token of the account that accepted them"
        : `do so with the account of ${access.tokenOrigin}`;
    return new CoxswainError(codeOf(kind), `${id} is gated: its owner gives access (${status})`, {
      hint: `Accept its terms at ${page}, and ${account}. ${byHand}`,
      cause: error,
    });
  }
  if (status === 401 || status === 403) {
    const hint =
      access.token === undefined
        ? "set HF_TOKEN to a token that may read it"
        : `${access.tokenOrigin} may not read it: accept the ${inWords(kind)}'s terms on its page`;
    return new CoxswainError(codeOf(kind), `${host} has no ${inWords(kind)} ${name}, or does not show it (${status})`, {
      hint: `Check the name; if the ${inWords(kind)} is private or gated, ${hint}. ${byHand}`,
      cause: error,
    });
  }
  if (status === 404 && /\brev\b|revision/i.test(wordsOf(error))) {
    return new CoxswainError(codeOf(kind), `${request.id} has no revision ${request.revision} on ${host} (404)`, {
      hint: `A revision is a branch, a tag or a commit. ${byHand}`,
      cause: error,
    });
  }
  if (status === 404) {
    const path = kind === "model" ? "a folder" : "a file or folder";
    return new CoxswainError(codeOf(kind), `${host} has no ${inWords(kind)} ${name} (404)`, {
      hint: `Check the name${request.revision === "main" ? "" : " and the revision"}; ${path} must be given as an existing path. ${byHand}`,
      cause: error,
    });
  }
  if (status !== undefined) {
    return new CoxswainError("network", `${host} answered ${status} for ${name}`, {
      hint: `Try again later. ${byHand}`,
      cause: error,
    });
  }
  return error instanceof Error ? error : new Error(messageOf(error));
}

/** The error for a request that did not reach the hub: aborted, the proxy, the connection, the token's form. */
export function transportTrouble(error: unknown, request: Request, access: HubAccess): CoxswainError | undefined {
  const { doing, byHand } = request;
  const { host } = new URL(access.url);
  const name = shownName(request);
  if (access.signal?.aborted === true) {
    const what = doing === "fetch" ? `the download of ${name}` : `the upload to ${name}`;
    return new CoxswainError("interrupted", `${what} was aborted`, { cause: access.signal.reason });
  }
  const proxyTrouble = access.proxy === undefined ? undefined : proxyReason(error, access.proxy);
  if (access.proxy !== undefined && proxyTrouble !== undefined) {
    return new CoxswainError("network", `cannot ${doing} ${name} from ${host}: ${proxyTrouble}`, {
      hint: `${proxyHint(access.proxy)} ${byHand}`.trim(),
      cause: error,
    });
  }
  if (error instanceof TypeError && error.message.includes("access token")) {
    return new CoxswainError("config", `${access.tokenOrigin} is not a Hugging Face token: ${error.message}`, {
      hint: "Set HF_TOKEN to a token that starts with hf_, or unset it.",
      cause: error,
    });
  }
  if (!isConnectionTrouble(error)) return undefined;
  const reason = networkReason(error);
  const through = access.proxy === undefined ? "" : ` through the proxy ${access.proxy.shown}`;
  const untrusted = /CERT|SELF_SIGNED|ISSUER|VERIFY/.test(reason);
  const hint = untrusted
    ? "Node does not trust the authority that signed its certificate, which may belong to an intercepting proxy: set NODE_EXTRA_CA_CERTS to that authority's PEM file."
    : "Check the connection, https_proxy, http_proxy and no_proxy, or set HF_ENDPOINT to another hub.";
  const from = doing === "fetch" ? "from" : "on";
  return new CoxswainError("network", `cannot ${doing} ${name} ${from} ${host}${through}: ${reason}`, {
    hint: `${hint} ${byHand}`.trim(),
    cause: error,
  });
}

/** What the hub says, without the URL that the library appends. */
export const wordsOf = (error: unknown): string => messageOf(error).replace(/\bURL: .*/s, "");

export function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** Whether `fetch` or a response body failed. (The library's streams pass only the error's message.) */
export function isConnectionTrouble(error: unknown): boolean {
  if (typeof error === "string") return true;
  if (!(error instanceof TypeError)) return false;
  return /^(fetch failed|terminated|the connection ended early)$/.test(error.message) || error.cause !== undefined;
}

/** The problem with the proxy itself, as a clause; undefined if there is none. */
function proxyReason(error: unknown, { shown }: Proxy): string | undefined {
  const causes = causesOf(error);
  const refused = /Proxy response \((\d+)\)/.exec(causes.map(messageOf).join(" "))?.[1];
  const status = refused === undefined ? statusOf(error) : Number(refused);
  if (status !== undefined && (refused !== undefined || status === 407))
    return `the proxy ${shown} ${proxyAnswer(status)}`;
  // The only connection was to the proxy.
  const code = causes.map(systemCodeOf).findLast((known) => known !== undefined);
  const unreachable = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/;
  return code !== undefined && unreachable.test(code) ? `the proxy ${shown} cannot be reached: ${code}` : undefined;
}

/** An error and its chain of causes. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let current = error; current !== undefined && causes.length < 10;) {
    causes.push(current);
    current = current instanceof Error ? current.cause : undefined;
  }
  return causes;
}

/** `fetch` reports "fetch failed", with the reason in its cause. */
function networkReason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return systemCodeOf(cause) ?? (cause instanceof Error ? cause.message : messageOf(error));
}
