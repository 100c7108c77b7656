/** Every wrong TLS file is refused by its name, before anything is started with it. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { clientCredentials, serverCredentials } from "../../../src/rpc/index.js";
import { dateTrouble } from "../../../src/tls/index.js";
import { hasOpenssl, makeAuthority, makeCertificate, openssl } from "../../support/certificates.js";
import { rejectionOf } from "../../support/errors.js";
import { temporaryFolder } from "../../support/processes.js";

const day = 24 * 3600_000;
const now = new Date();
const daysFromNow = (days: number): Date => new Date(now.getTime() + days * day);

describe.skipIf(!hasOpenssl)(`TLS files${hasOpenssl ? "" : " (skipped: no openssl)"}`, () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);
  const text = (name: string): string => readFileSync(at(name), "utf8");

  beforeAll(() => {
    folder = temporaryFolder();
    makeAuthority(folder, "ca");
    makeAuthority(folder, "other");
    makeCertificate(folder, "head", "ca");
    openssl(folder, "x509 -in head.pem -outform der -out head.der");
    openssl(folder, "pkey -in head-key.pem -outform der -out head-key.der");
    openssl(folder, "pkey -in head-key.pem -aes256 -passout pass:secret -out encrypted.pem");
    openssl(folder, "ec -in head-key.pem -aes256 -passout pass:secret -out encrypted-ec.pem");
    openssl(folder, "pkey -in head-key.pem -pubout -out public.pem");
    openssl(folder, "pkcs12 -export -in head.pem -inkey head-key.pem -passout pass:secret -out head.p12");
    writeFileSync(at("empty.pem"), " \n");
    writeFileSync(at("text.pem"), "not a certificate\n");
    writeFileSync(at("cut.pem"), text("head.pem").slice(0, 200));
    writeFileSync(at("damaged.pem"), text("head.pem").replace(/\n[A-Za-z]/, "\n!!"));
    writeFileSync(at("damaged-key.pem"), text("head-key.pem").replace(/\nM/, "\nAAAA"));
    writeFileSync(at("chain.pem"), text("head.pem") + text("ca.pem"));
    writeFileSync(at("wrong-order.pem"), text("ca.pem") + text("head.pem"));
    writeFileSync(at("both.pem"), text("head-key.pem") + text("head.pem"));
    writeFileSync(at("windows.pem"), `\uFEFF${text("head.pem").replaceAll("\n", "\r\n")}`);
    writeFileSync(at("utf16.pem"), Buffer.from(`\uFEFF${text("head.pem")}`, "utf16le"));
    mkdirSync(at("folder.pem"));
    copyFileSync(at("head.csr"), at("request.pem"));
  });

  const certificates: readonly [string, RegExp][] = [
    ["absent.pem", /does not exist/],
    ["folder.pem", /is a folder/],
    ["empty.pem", /is empty/],
    ["text.pem", /contains no certificate: it is not a PEM file/],
    ["utf16.pem", /contains no certificate: it is not a PEM file/],
    ["cut.pem", /contains no certificate: it is truncated/],
    ["damaged.pem", /is damaged: certificate 1/],
    ["head.der", /contains no certificate: it is DER or PKCS #12, not PEM/],
    ["head.p12", /contains no certificate: it is DER or PKCS #12, not PEM/],
    ["head-key.pem", /contains no certificate: it contains a private key/],
    ["request.pem", /contains no certificate: it contains a certificate request/],
  ];
  const keys: readonly [string, RegExp][] = [
    ["absent.pem", /does not exist/],
    ["folder.pem", /is a folder/],
    ["empty.pem", /is empty/],
    ["text.pem", /contains no private key: it is not a PEM file/],
    ["head.pem", /contains no private key: it contains a certificate/],
    ["public.pem", /contains no private key: it contains a public key/],
    ["head-key.der", /contains no private key: it is DER/],
    ["encrypted.pem", /is encrypted/],
    ["encrypted-ec.pem", /is encrypted/],
    ["damaged-key.pem", /is damaged/],
    ["ca-key.pem", /does not belong to the certificate in .*head\.pem/],
  ];
  const server = (cert: string, key: string, ca: string | null = null) =>
    serverCredentials({ cert: at(cert), key: at(key), ca: ca === null ? null : at(ca) });
  const client = (files: Partial<Record<"ca" | "cert" | "key", string>>) =>
    clientCredentials({
      ca: files.ca === undefined ? undefined : at(files.ca),
      cert: files.cert === undefined ? undefined : at(files.cert),
      key: files.key === undefined ? undefined : at(files.key),
    });
  const named = (name: string, file: string, what: RegExp) => ({
    code: "config",
    exitCode: 2,
    message: expect.stringMatching(new RegExp(`^${name}: .*${file.replace(".", "\\.")} .*${what.source}`)) as string,
  });

  it.each(certificates)("a coordinator refuses as its certificate %s", async (file, what) => {
    expect(await rejectionOf(server(file, "head-key.pem"))).toMatchObject(named("cluster.tls.cert", file, what));
  });
  it.each(keys)("a coordinator refuses as its key %s", async (file, what) => {
    expect(await rejectionOf(server("head.pem", file))).toMatchObject(named("cluster.tls.key", file, what));
  });
  it.each(certificates)("a coordinator and a worker refuse as their authority %s", async (file, what) => {
    expect(await rejectionOf(server("head.pem", "head-key.pem", file))).toMatchObject(
      named("cluster.tls.ca", file, what),
    );
    expect(await rejectionOf(client({ ca: file }))).toMatchObject(named("--tls-ca", file, what));
  });
  it.each(certificates)("a worker refuses as its certificate %s", async (file, what) => {
    const refused = await rejectionOf(client({ ca: "ca.pem", cert: file, key: "head-key.pem" }));
    expect(refused).toMatchObject(named("--tls-cert", file, what));
  });
  it.each(keys)("a worker refuses as its key %s", async (file, what) => {
    const refused = await rejectionOf(client({ ca: "ca.pem", cert: "head.pem", key: file }));
    expect(refused).toMatchObject(named("--tls-key", file, what));
  });

  it("refuses a device, a pipe and a file of more than 1 MiB instead of reading forever", async () => {
    execFileSync("mkfifo", [at("pipe.pem")]);
    writeFileSync(at("large.pem"), Buffer.alloc((1 << 20) + 1, "a"));
    for (const [file, what] of [
      ["/dev/zero", /is a device, not a file/],
      [at("pipe.pem"), /is a pipe, not a file/],
      [at("large.pem"), /is larger than 1 MiB/],
    ] as const) {
      const refused = { code: "config", message: expect.stringMatching(what) as string };
      expect(await rejectionOf(serverCredentials({ cert: file, key: at("head-key.pem"), ca: null }))).toMatchObject(
        refused,
      );
      expect(await rejectionOf(clientCredentials({ ca: file, cert: undefined, key: undefined }))).toMatchObject(
        refused,
      );
    }
  });

  it("names a chain whose first certificate does not match the key, and a pair with one file missing", async () => {
    expect(await rejectionOf(server("wrong-order.pem", "head-key.pem"))).toMatchObject(
      named("cluster.tls.cert", "wrong-order.pem", /has its certificates in the wrong order/),
    );
    expect(await rejectionOf(client({ cert: "head.pem" }))).toMatchObject({
      code: "config",
      message: "--tls-cert is given without --tls-key",
    });
    expect(await rejectionOf(client({ key: "head-key.pem" }))).toMatchObject({
      message: "--tls-key is given without --tls-cert",
    });
  });

  it.each(["head.pem", "chain.pem", "both.pem", "windows.pem"])("accepts %s with its key", async (cert) => {
    await server(cert, "head-key.pem", "ca.pem");
    await server(cert, "both.pem", "chain.pem");
    await client({ ca: "ca.pem", cert, key: "head-key.pem" });
  });

  it("refuses certificates and authorities that have expired or are not valid yet, and names the date", async () => {
    const tls = { cert: at("head.pem"), key: at("head-key.pem"), ca: null };
    expect(await rejectionOf(serverCredentials(tls, daysFromNow(3)))).toMatchObject({
      code: "config",
      message: expect.stringMatching(/^cluster\.tls\.cert: .*head\.pem expired on \d{4}-\d\d-\d\d /) as string,
    });
    expect(await rejectionOf(serverCredentials(tls, daysFromNow(-3)))).toMatchObject({
      message: expect.stringMatching(
        /head\.pem is valid from \d{4}.* on, but this machine's clock is at \d{4}/,
      ) as string,
    });
    const authority = { ca: at("ca.pem"), cert: undefined, key: undefined };
    expect(await rejectionOf(clientCredentials(authority, daysFromNow(3)))).toMatchObject({
      message: expect.stringMatching(/^--tls-ca: .*ca\.pem expired on/) as string,
    });
  });

  it("parses the dates of certificates", () => {
    const dates = { validFrom: "Jan  2 03:04:05 2026 GMT", validTo: "Jan  3 03:04:05 2026 GMT" };
    expect(dateTrouble(dates, new Date("2026-01-02T12:00:00Z"))).toBeUndefined();
    expect(dateTrouble(dates, new Date("2026-01-04T00:00:00Z"))).toBe("expired on 2026-01-03 03:04:05 UTC");
  });
});
