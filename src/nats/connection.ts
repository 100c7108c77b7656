/**
 * Opens a connection from settings. It does not reconnect: long-lived users have a NatsLink, so that nothing
 * accumulates in the client meanwhile.
 */
import { readFile } from "node:fs/promises";
import { connect, credsAuthenticator, nkeyAuthenticator } from "nats";
import type { Authenticator, ConnectionOptions, NatsConnection } from "nats";
import { serverUrls } from "../config/index.js";
import type { NatsConnectionSettings } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { saveToFile, specialKindOf } from "../regular-file.js";
import { readAuthorities, readIdentity } from "../tls/index.js";
import { explainConnection } from "./explain.js";

/** How long a server may take to accept a connection, ms. */
const connectTimeout = 5_000;
const credsHint =
  "Such a file contains a user's JWT and seed: create it with `nsc generate creds --account ACCOUNT --name USER`.";
const nkeyHint = "Its only line begins with SU: create it with `nsc generate nkey --user`.";
/** Ping interval, ms; a server that misses two pings is considered down. */
const pingInterval = 10_000;

/**
 * @param name of the connection, shown on the server
 * @throws CoxswainError "config" for unreadable or invalid files, "network" if no server accepts
 */
export async function openConnection(settings: NatsConnectionSettings, name: string): Promise<NatsConnection> {
  const options: ConnectionOptions = {
    servers: [...serverUrls(settings)],
    name: `coxswain ${name}`,
    timeout: connectTimeout,
    pingInterval,
    maxPingOut: 2,
    reconnect: false,
    ...(await identity(settings)),
    ...(await tlsOptions(settings)),
  };
  try {
    return await connect(options);
  } catch (error) {
    throw explainConnection(error, settings);
  }
}

async function identity(settings: NatsConnectionSettings): Promise<Partial<ConnectionOptions>> {
  const { credentials, nkey, user, password, token } = settings;
  if (credentials !== null) {
    const authenticator = credsAuthenticator(await read(credentials, "credentials"));
    return { authenticator: usable(authenticator, `NATS credentials: ${credentials} is not a .creds file`, credsHint) };
  }
  if (nkey !== null) {
    const authenticator = nkeyAuthenticator(Buffer.from((await read(nkey, "nkey")).toString("utf8").trim()));
    return {
      authenticator: usable(authenticator, `NATS nkey: ${nkey} does not contain the seed of an NKey`, nkeyHint),
    };
  }
  if (user !== null) return { user, pass: password ?? "" };
  return token === null ? {} : { token };
}

/**
 * Validates the files early: the library would read them only when a server asks, with unclear errors.
 * @throws CoxswainError "config" if that is impossible
 */
function usable(authenticator: Authenticator, message: string, hint: string): Authenticator {
  try {
    authenticator("");
  } catch (cause) {
    throw new CoxswainError("config", message, { hint, cause });
  }
  return authenticator;
}

/** The client alone would accept a server without TLS for a tls:// URL. */
async function tlsOptions(settings: NatsConnectionSettings): Promise<Partial<ConnectionOptions>> {
  const { tls } = settings;
  if (tls === null) return serverUrls(settings).some((url) => url.startsWith("tls:")) ? { tls: {} } : {};
  const { ca, cert, key } = tls;
  const now = new Date();
  const authorities = ca === null ? undefined : await readAuthorities({ path: ca, name: "NATS tls.ca" }, now);
  const own =
    cert === null || key === null
      ? undefined
      : await readIdentity({ path: cert, name: "NATS tls.cert" }, { path: key, name: "NATS tls.key" }, now);
  return {
    tls: {
      ...(authorities === undefined ? {} : { ca: authorities }),
      ...(own === undefined ? {} : { cert: own.certificate, key: own.key }),
    },
  };
}

async function read(path: string, key: string): Promise<Buffer> {
  const kind = await specialKindOf(path);
  if (kind !== undefined) {
    throw new CoxswainError("config", `NATS ${key}: ${path} is ${kind}, not a file`, { hint: saveToFile });
  }
  try {
    return await readFile(path);
  } catch (error) {
    throw new CoxswainError(
      "config",
      `NATS ${key}: ${path} cannot be read (${systemCodeOf(error) ?? messageOf(error)})`,
      {
        hint: "Check the path and the file's permissions.",
        cause: error,
      },
    );
  }
}
