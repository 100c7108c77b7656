/**
 * Opens a connection from settings. It is not opened again when it is lost: who needs it for longer has a NatsLink, so
 * that nothing piles up in the client meanwhile.
 */
import { readFile } from "node:fs/promises";
import { connect, credsAuthenticator, nkeyAuthenticator } from "nats";
import type { ConnectionOptions, NatsConnection } from "nats";
import { serverUrls } from "../config/index.js";
import type { NatsConnectionSettings } from "../config/index.js";
import { CoxswainError, messageOf, systemCodeOf } from "../errors.js";
import { explainConnection } from "./explain.js";

/** How long a server may take to accept a connection, ms. */
const connectTimeout = 5_000;
/** A server that leaves two of these unanswered is gone, ms between them. */
const pingInterval = 10_000;

/**
 * @param name of the connection, for those who look at the server
 * @throws CoxswainError "config" for files that cannot be read, "network" where no server accepts
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
  if (credentials !== null) return { authenticator: credsAuthenticator(await read(credentials, "credentials")) };
  if (nkey !== null) {
    const seed = Buffer.from((await read(nkey, "nkey")).toString("utf8").trim());
    return { authenticator: nkeyAuthenticator(seed) };
  }
  if (user !== null) return { user, pass: password ?? "" };
  return token === null ? {} : { token };
}

/** The client alone would take a server without TLS at a tls:// address. */
async function tlsOptions(settings: NatsConnectionSettings): Promise<Partial<ConnectionOptions>> {
  const { tls } = settings;
  if (tls === null) return serverUrls(settings).some((url) => url.startsWith("tls:")) ? { tls: {} } : {};
  const [ca, cert, key] = await Promise.all(
    (["ca", "cert", "key"] as const).map(async (name) => {
      const path = tls[name];
      return path === null ? undefined : (await read(path, `tls.${name}`)).toString("utf8");
    }),
  );
  return {
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    },
  };
}

async function read(path: string, key: string): Promise<Buffer> {
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
