/** Checks the dates of a server's certificate: TLS itself reports an error, but not the dates. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { dateTrouble } from "./check.js";

/** Time limit for a server to send its certificate, ms. */
const patience = 3000;

/** @returns as a clause, "expired on …"; undefined if its dates are valid, or it sends none */
export function peerDateTrouble(
  { host, port }: { readonly host: string; readonly port: number },
  now: Date,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      // Nothing is sent: its certificate is read, and the connection is closed.
      rejectUnauthorized: false,
      ALPNProtocols: ["h2"],
      ...(isIP(host) === 0 ? { servername: host } : {}),
    });
    const end = (trouble: string | undefined): void => {
      socket.destroy();
      resolve(trouble);
    };
    socket.setTimeout(patience, () => end(undefined));
    socket.once("error", () => end(undefined));
    socket.once("secureConnect", () => {
      const { raw } = socket.getPeerCertificate() as { raw?: Buffer };
      end(raw === undefined ? undefined : dateTrouble(new X509Certificate(raw), now));
    });
  });
}
