/** Without this, a worker that cannot connect says "it does not answer", whatever is wrong. */
import { describe, expect, it } from "vitest";
import { explainConnection } from "../../../src/rpc/unreachable.js";

const tls = { ca: "ca.pem", cert: undefined, key: undefined };
const day = "(2026-11-25T13:30:10.171Z)";
/** As gRPC words it. */
const details = (error: string): string => `No connection established. Last error: ${error}. Resolution note: `;
const openssl = (text: string): string =>
  `803C24A5117F0000:error:0A00045C:SSL routines:ssl3_read_bytes:${text}:../deps/openssl/rec_layer_s3.c:1601:SSL alert number 116\n`;

describe("the reason why a worker cannot reach its coordinator is reported", () => {
  it.each([
    ["nothing listens there", details("Error: connect ECONNREFUSED 127.0.0.1:42253"), undefined],
    ["the host name cannot be resolved", "Name resolution failed for target dns:nonexistent.invalid:70", undefined],
    ["there is no route to the host", details("Error: connect EHOSTUNREACH 10.1.2.3:7070"), undefined],
    ["it does not use TLS", details(`Error: ${openssl("wrong version number")}`), /Omit --tls-ca/],
    [
      "the server at that address is not a coordinator (it does not speak HTTP/2)",
      "No connection established. Last error: Protocol error (2026-11-30T14:52:11.123Z). Resolution note: ",
      /telemetry\.http/,
    ],
    ["it does not answer", "Deadline exceeded after 1.0s", undefined],
    ["it does not answer", "", undefined],
  ])("%s", (reason, text, hint) => {
    const explained = explainConnection(text, tls);
    expect(explained).toMatchObject({ reason, final: false });
    if (hint === undefined) expect(explained.hint).toBeUndefined();
    else expect(explained.hint).toMatch(hint);
  });

  it("a coordinator that closes the connection may use TLS, or may not accept the certificate", () => {
    const text = details(`Failed to connect ${day}`);
    expect(explainConnection(text, undefined)).toMatchObject({ reason: "it closes the connection", final: false });
    expect(explainConnection(text, undefined).hint).toMatch(/may use TLS: pass --tls-ca/);
    expect(explainConnection(text, tls).hint).toMatch(/may not accept this side's certificate.*--tls-cert/);
  });
});

describe("a rejected certificate ends a worker immediately, rather than after --reconnect-timeout", () => {
  const names =
    "Hostname/IP does not match certificate's altnames: Host: head. is not in the cert's altnames: DNS:tail";
  it.each([
    ["it asks for a certificate", `${openssl("tlsv13 alert certificate required")} ${day}`, /--tls-cert/],
    ["it does not accept this side's certificate", `Error: ${openssl("tlsv1 alert unknown ca")}`, /cluster\.tls\.ca/],
    ["its certificate is not trusted (self-signed certificate)", "Error: self-signed certificate", /--tls-ca/],
    ["its certificate is not trusted (certificate has expired)", "Error: certificate has expired", /--tls-ca/],
    [
      "its certificate is for another name (Host: head. is not in the cert's altnames: DNS:tail)",
      `Error: ${names}`,
      /Connect to a name that is in the certificate/,
    ],
  ])("%s", (reason, error, hint) => {
    expect(explainConnection(details(error), tls)).toMatchObject({
      reason,
      final: true,
      hint: expect.stringMatching(hint) as string,
    });
  });
});
