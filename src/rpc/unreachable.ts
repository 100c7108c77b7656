/**
 * Why a coordinator cannot be reached, in a user's words: gRPC says it only to a call, as the text of an error. Knows
 * nothing of attempts and of how long they go on.
 */
import type { ServiceError } from "@grpc/grpc-js";
import { dateTrouble, peerDateTrouble, readCertificates } from "../tls/index.js";
import { proxyTrouble } from "./route.js";
import type { Route } from "./route.js";
import type { ClientTls } from "./security.js";
import type { CoordinatorStub } from "./types.js";

/** What stands between a client and its server. */
export interface Unreachable {
  /** As a sentence about the server: "it does not use TLS". */
  readonly reason: string;
  /** What to do, where that is known. */
  readonly hint?: string;
  /** A certificate is not accepted: trying again does not mend it. */
  readonly final: boolean;
}

/** How long a call may wait for gRPC's answer, which is there at once where the last attempt has failed, ms. */
const patience = 1000;

/** Asks gRPC for the trouble with a connection that did not come about. */
export async function whyUnreachable(
  client: CoordinatorStub,
  route: Route,
  tls: ClientTls | undefined,
): Promise<Unreachable> {
  const details = await new Promise<string>((resolve) => {
    // Any call does: it is answered by the connection, or by an error that names what is wrong with it.
    const call = client.pullModelFile({}, { deadline: Date.now() + patience });
    call.on("data", () => undefined);
    call.on("error", (error: ServiceError) => resolve(error.details));
    call.on("end", () => resolve(""));
  });
  return explainRoute(details, route, tls);
}

/**
 * The same as `explainConnection`, of a server behind a proxy, which may be the one in the way.
 * @param details of the error of a call, as gRPC spells them
 */
export async function explainRoute(details: string, route: Route, tls: ClientTls | undefined): Promise<Unreachable> {
  const { proxy } = route;
  if (proxy === undefined) return (await explainDates(details, route, tls)) ?? explainConnection(details, tls);
  const trouble = await proxyTrouble(route);
  if (trouble !== undefined) return { ...trouble, final: false };
  const { reason, ...explained } = explainConnection(details, tls);
  return { ...explained, reason: `${reason} (through the proxy ${proxy.shown})` };
}

/** Says of a certificate that is not valid now since when, or until when: of the server's, or of this side's own. */
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
  const hint = "Give a new one as --tls-cert and --tls-key.";
  return trouble === undefined
    ? undefined
    : { reason: `it does not accept this side's certificate, which ${trouble}`, hint, final: true };
}

/**
 * @param details of the error of a call, as gRPC spells them
 * @param tls what the client uses
 */
export function explainConnection(details: string, tls: ClientTls | undefined): Unreachable {
  const trouble = /Last error: (?:Error: )?(.*?)(?: \(\d{4}-\d\d-\d\dT[^)]*\))?\. Resolution note:/s.exec(details)?.[1];
  for (const [pattern, explain] of explanations) {
    const match = pattern.exec(trouble ?? details);
    if (match !== null) return { final: false, ...explain(match[0].trim(), tls) };
  }
  return { reason: "it does not answer", final: false };
}

type Explain = (text: string, tls: ClientTls | undefined) => Omit<Unreachable, "final"> & { readonly final?: boolean };

const showCertificate =
  "Give --tls-cert and --tls-key: a certificate that the coordinator's cluster.tls.ca has signed, and its key.";

const notAccepted: Explain = () => ({
  reason: "it does not accept this side's certificate",
  hint: showCertificate,
  final: true,
});

/** In this order: the first that fits is the one. */
const explanations: readonly (readonly [RegExp, Explain])[] = [
  [/ECONNREFUSED/, () => ({ reason: "nothing listens there" })],
  [/ENOTFOUND|EAI_AGAIN|Name resolution failed/, () => ({ reason: "the host's name is not known" })],
  [/EHOSTUNREACH|ENETUNREACH/, () => ({ reason: "there is no way to the host" })],
  [/certificate required/, () => ({ reason: "it asks for a certificate", hint: showCertificate, final: true })],
  [/alert (?:unknown ca|bad certificate|certificate (?:unknown|expired|revoked))/, notAccepted],
  [
    /altnames: [^\n]*/,
    (text) => ({
      reason: `its certificate is of another name (${text.slice("altnames: ".length).replace(/[.: ]+$/, "")})`,
      hint: "Connect to a name that is in the certificate (--coordinator NAME:PORT), or make one for this name.",
      final: true,
    }),
  ],
  [
    /[^\n]*certificate[^\n]*/,
    (text) => ({
      reason: `its certificate is not trusted (${text})`,
      hint: "Give as --tls-ca the certificate of the authority that signed the coordinator's, or its own where it is self-signed.",
      final: true,
    }),
  ],
  [
    /wrong version number|packet length too long/,
    () => ({
      reason: "it does not use TLS",
      hint: "Leave --tls-ca, --tls-cert and --tls-key away, or set cluster.tls of the run.",
    }),
  ],
  [
    /Protocol error/,
    () => ({
      reason: "what answers there is no coordinator (it does not speak HTTP/2)",
      hint: "Check the port: it may be that of telemetry.http, or another program's.",
    }),
  ],
  [
    /Failed to connect|ECONNRESET|disconnected before secure TLS/,
    (_, tls) => ({ reason: "it hangs up", hint: tls === undefined ? perhapsTls : perhapsCertificate }),
  ],
];

const perhapsTls = "It may use TLS: give --tls-ca. Or something else listens at this address.";
const perhapsCertificate = `It may not accept this side's certificate. ${showCertificate}`;
