/**
 * Explains to users why a coordinator cannot be reached: gRPC reports the reason only as the error text of a call.
 * Independent of retries.
 */
import type { ServiceError } from "@grpc/grpc-js";
import { dateTrouble, peerDateTrouble, readCertificates } from "../tls/index.js";
import { textFromOutside } from "../visible-text.js";
import { proxyTrouble } from "./route.js";
import type { Route } from "./route.js";
import type { ClientTls } from "./security.js";
import type { CoordinatorStub } from "./types.js";

/** Why a client cannot reach its server. */
export interface Unreachable {
  /** A sentence about the server: "it does not use TLS". */
  readonly reason: string;
  /** What to do, if known. */
  readonly hint?: string;
  /** A certificate is rejected: retrying does not help. */
  readonly final: boolean;
}

/** How long a call waits for gRPC's answer, ms; it is immediate if the last attempt has failed. */
const patience = 1000;

/** Asks gRPC why a connection failed. */
export async function whyUnreachable(
  client: CoordinatorStub,
  route: Route,
  tls: ClientTls | undefined,
): Promise<Unreachable> {
  const details = await new Promise<string>((resolve) => {
    // Any call will do: it succeeds, or fails with the connection's error.
    const call = client.pullModelFile({}, { deadline: Date.now() + patience });
    call.on("data", () => undefined);
    call.on("error", (error: ServiceError) => resolve(error.details));
    call.on("end", () => resolve(""));
  });
  return explainRoute(details, route, tls);
}

/**
 * The same as `explainConnection` for a server behind a proxy, which may itself be the cause.
 * @param details of a call's gRPC error
 */
export async function explainRoute(details: string, route: Route, tls: ClientTls | undefined): Promise<Unreachable> {
  const { proxy } = route;
  if (proxy === undefined) return (await explainDates(details, route, tls)) ?? explainConnection(details, tls);
  const trouble = await proxyTrouble(route);
  if (trouble !== undefined) return { ...trouble, final: false };
  const { reason, ...explained } = explainConnection(details, tls);
  return { ...explained, reason: `${reason} (through the proxy ${proxy.shown})` };
}

/** Explains a certificate, the server's or this side's, that has expired or is not valid yet. */
async function explainDates(
  details: string,
  { address }: Route,
  tls: ClientTls | undefined,
): Promise<Unreachable | undefined> {
  const now = new Date();
  if (/certificate (has expired|is not yet valid)/.test(details)) {
    const trouble = await peerDateTrouble(address, now);
    const hint = "The coordinator needs a new certificate (cluster.tls.cert), or a clock is wrong.";
    return trouble === undefined ? undefined : { reason: `its certificate ${trouble}`, hint, final: true };
  }
  if (tls?.cert === undefined || !details.includes("alert certificate expired")) return undefined;
  const [own] = await readCertificates({ path: tls.cert, name: "--tls-cert" });
  const trouble = dateTrouble(own, now);
  const hint = "Pass a new one as --tls-cert and --tls-key.";
  return trouble === undefined
    ? undefined
    : { reason: `it does not accept this side's certificate, which ${trouble}`, hint, final: true };
}

/**
 * @param details of a call's gRPC error
 * @param tls the client's settings
 */
export function explainConnection(details: string, tls: ClientTls | undefined): Unreachable {
  const trouble = /Last error: (?:Error: )?(.*?)(?: \(\d{4}-\d\d-\d\dT[^)]*\))?\. Resolution note:/s.exec(details)?.[1];
  for (const [pattern, explain] of explanations) {
    const match = pattern.exec(trouble ?? details);
    if (match !== null) return { final: false, ...explain(textFromOutside(match[0].trim()), tls) };
  }
  return { reason: "it does not answer", final: false };
}

type Explain = (text: string, tls: ClientTls | undefined) => Omit<Unreachable, "final"> & { readonly final?: boolean };

const showCertificate =
  "Pass --tls-cert and --tls-key: a certificate signed by the coordinator's cluster.tls.ca, and its key.";

const notAccepted: Explain = () => ({
  reason: "it does not accept this side's certificate",
  hint: showCertificate,
  final: true,
});

/** The first match applies. */
const explanations: readonly (readonly [RegExp, Explain])[] = [
  [/ECONNREFUSED/, () => ({ reason: "nothing listens there" })],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, () => ({ reason: "the host name cannot be resolved" })],
  [/EHOSTUNREACH|ENETUNREACH/, () => ({ reason: "there is no route to the host" })],
  [/certificate required/, () => ({ reason: "it asks for a certificate", hint: showCertificate, final: true })],
  [/alert (?:unknown ca|bad certificate|certificate (?:unknown|expired|revoked))/, notAccepted],
  [
    /altnames: [^\n]*/,
    (text) => ({
      reason: `its certificate is for another name (${text.slice("altnames: ".length).replace(/[.: ]+$/, "")})`,
      hint: "Connect to a name that is in the certificate (--coordinator NAME:PORT), or create a certificate for this name.",
      final: true,
    }),
  ],
  [
    /[^\n]*certificate[^\n]*/,
    (text) => ({
      reason: `its certificate is not trusted (${text})`,
      hint: "Pass as --tls-ca the certificate of the authority that signed the coordinator's, or the coordinator's own if it is self-signed.",
      final: true,
    }),
  ],
  [
    /wrong version number|packet length too long/,
    () => ({
      reason: "it does not use TLS",
      hint: "Omit --tls-ca, --tls-cert and --tls-key, or set cluster.tls in the run file.",
    }),
  ],
  [
    /Protocol error/,
    () => ({
      reason: "the server at that address is not a coordinator (it does not speak HTTP/2)",
      hint: "Check the port: it may belong to telemetry.http or to another program.",
    }),
  ],
  [
    /Failed to connect|ECONNRESET|disconnected before secure TLS/,
    (_, tls) => ({ reason: "it closes the connection", hint: tls === undefined ? perhapsTls : perhapsCertificate }),
  ],
];

const perhapsTls = "It may use TLS: pass --tls-ca. Or another program listens at this address.";
const perhapsCertificate = `It may not accept this side's certificate. ${showCertificate}`;
