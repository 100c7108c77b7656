/** Translates errors of a NATS server into messages for users. Never shows secrets: URLs contain none. */
import { ErrorCode, NatsError } from "nats";
import { serverUrls } from "../config/index.js";
import type { NatsConnectionSettings } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";

type Words = readonly [reason: string, hint: string];

const startIt = "Start it with `nats-server -js`, or check the address and the firewall.";
const checkIdentity =
  "Check telemetry.nats.credentials, nkey, user or token (or the flags of that name; COXSWAIN_NATS_PASSWORD and COXSWAIN_NATS_TOKEN give the secrets).";
const checkAuthority = "Set the authority that signed its certificate: telemetry.nats.tls.ca, or --nats-ca.";

const connectionWords: Readonly<Record<string, Words>> = {
  [ErrorCode.ConnectionRefused]: ["nothing listens there", startIt],
  ECONNREFUSED: ["nothing listens there", startIt],
  ECONNRESET: ["the connection was reset", startIt],
  ENOTFOUND: ["no such host", "Check the address."],
  EAI_AGAIN: ["no such host", "Check the address."],
  [ErrorCode.Timeout]: ["it does not answer", startIt],
  [ErrorCode.ConnectionTimeout]: ["it does not answer", startIt],
  [ErrorCode.AuthorizationViolation]: ["it rejects these credentials", checkIdentity],
  [ErrorCode.BadAuthentication]: ["it rejects these credentials", checkIdentity],
  [ErrorCode.AuthenticationExpired]: ["the credentials have expired", checkIdentity],
  [ErrorCode.ServerOptionNotAvailable]: [
    "it does not support TLS",
    "Omit telemetry.nats.tls (or --nats-ca) and tls://, or give the server a certificate.",
  ],
  ERR_TLS_CERT_ALTNAME_INVALID: ["its certificate is for another name", "Use a name that the certificate covers."],
  CERT_HAS_EXPIRED: ["its certificate has expired", "Give the server a new one."],
};

/** @returns a CoxswainError "network" that names the servers */
export function explainConnection(error: unknown, settings: NatsConnectionSettings): CoxswainError {
  const [reason, hint] = connectionReason(error, settings.credentials ?? settings.nkey);
  return new CoxswainError("network", `no connection to NATS at ${serverUrls(settings).join(", ")}: ${reason}`, {
    hint,
    cause: error,
  });
}

/** @param file the credentials file in use, if any */
function connectionReason(error: unknown, file: string | null): Words {
  const code = codeOf(error);
  if (file !== null && isOneOf(code, ErrorCode.AuthorizationViolation, ErrorCode.BadAuthentication))
    return [`it rejects the credentials in ${file}`, checkIdentity];
  const words = connectionWords[code];
  if (words !== undefined) return words;
  return /CERT|SELF_SIGNED|ISSUER|VERIFY/.test(code)
    ? [`its certificate is not accepted (${messageOf(error)})`, checkAuthority]
    : [messageOf(error), startIt];
}

/** @param what failed: "events cannot be stored"; explained errors are unchanged */
export function explainJetStream(error: unknown, what: string): CoxswainError {
  if (error instanceof CoxswainError) return error;
  const [reason, hint] = jetStreamWords(error);
  return new CoxswainError("network", `NATS: ${what}: ${reason}`, { hint, cause: error });
}

function jetStreamWords(error: unknown): Words {
  const code = codeOf(error);
  if (isOneOf(code, ErrorCode.NoResponders, ErrorCode.JetStreamNotEnabled))
    return ["the server, or this account, has no JetStream", "Start it with JetStream: `nats-server -js`."];
  if (isOneOf(code, ErrorCode.Timeout))
    return ["JetStream does not answer", "See the server's log: it may have no leader."];
  if (isOneOf(code, ErrorCode.PermissionsViolation) || /permissions violation/i.test(messageOf(error)))
    return [
      `these credentials do not allow it to${forbidden(error)}`,
      "docs/nats.md lists the subjects that each role needs.",
    ];
  if (isOneOf(code, ErrorCode.ConnectionClosed, ErrorCode.Disconnect))
    return ["the connection was lost", "It will be retried."];
  return [messageOf(error), "See the server's log and the limits of its streams (docs/nats.md)."];
}

/** " publish on coxswain.my-run.control.stop", as reported by the server; empty if not reported. */
function forbidden(error: unknown): string {
  const context = error instanceof NatsError ? error.permissionContext : undefined;
  if (context === undefined) return "";
  return ` ${context.operation === "publish" ? "publish on" : "subscribe to"} ${context.subject}`;
}

/** The library's codes are strings. */
const isOneOf = (code: string, ...codes: readonly string[]): boolean => codes.includes(code);

/** Whether an error of the library has this code. */
export const hasCode = (error: unknown, code: ErrorCode): boolean => isOneOf(codeOf(error), code);

function codeOf(error: unknown): string {
  if (error instanceof NatsError && !isOneOf(error.code, ErrorCode.Unknown, ErrorCode.Tls)) return error.code;
  const cause = error instanceof NatsError ? error.chainedError : undefined;
  return systemCodeOf(cause) ?? systemCodeOf(error) ?? "";
}
