/** The certificate that a worker's server makes for itself, as OpenSSL and Node read it. */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ownCertificate } from "../../../src/rpc/index.js";

describe("the self-signed certificate of a process", () => {
  const { certificate, privateKey } = ownCertificate();
  const read = new X509Certificate(certificate);

  it("is signed with its own key", () => {
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
    expect(read.checkIssued(read)).toBe(true);
  });

  it("has no authority and never expires", () => {
    expect(read.raw.equals(certificate)).toBe(true);
    expect(read.subject).toBe("CN=coxswain worker");
    expect(new Date(read.validFrom).getUTCFullYear()).toBe(2020);
    expect(new Date(read.validTo).getUTCFullYear()).toBe(9999);
  });

  it("is different each time", () => {
    const other = new X509Certificate(ownCertificate().certificate);
    expect(other.serialNumber).not.toBe(read.serialNumber);
    expect(other.fingerprint256).not.toBe(read.fingerprint256);
  });

  it("has a positive serial number of minimal length for all random bytes", () => {
    for (let draw = 0; draw < 64; draw++) {
      const { serialNumber } = new X509Certificate(ownCertificate().certificate);
      expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    }
  });
});
