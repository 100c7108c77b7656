/** What is wrong with the dates of the certificate that a server shows: TLS itself tells that something is, not when. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect } from "node:tls";
import { dateTrouble } from "./check.js";

/** How long a server may take to show its certificate, ms. */
const patience = 3000;

/** @returns as a clause, "expired on …"; undefined where its dates are right, or it shows none */
export function peerDateTrouble(
  { host, port }: { readonly host: string; readonly port: number },
  now: Date,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      // Nothing is said to it: its certificate is looked at, and it is hung up.
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
