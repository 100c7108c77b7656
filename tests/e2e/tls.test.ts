/** TLS between real processes: untrusted peers are refused, and the bits are those of a run without TLS. */
import { readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";
import { beforeAll, describe, expect, it } from "vitest";
import { hasOpenssl, makeAuthority, makeCertificate, makeFutureCertificate, openssl } from "../support/certificates.js";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import type { Finished } from "../support/processes.js";
import { adapterBytes, eventLines, smallRun } from "../support/runs.js";

const steps = 6;

const skipped = hasOpenssl ? "" : " (skipped: no openssl; get it with `apt-get install openssl`)";

const run = (tls: object | null, cluster: object = {}): object =>
  smallRun({
    training: { max_steps: steps, global_batch_size: 12, micro_batch_size: 2, learning_rate: 0.01 },
    cluster: { tls, ...cluster },
  });

/** A coordinator in a folder with its certificates, and the port that it listens on. */
async function coordinator(folder: string, tls: object): Promise<{ process: CoxswainProcess; port: string }> {
  const process = new CoxswainProcess(["coordinator", writeRun(folder, run(tls))]);
  const [, port] = await process.until(/listening on 127\.0\.0\.1:(\d+)/);
  return { process, port: port! };
}

const worker = (address: string, ...flags: string[]): Promise<Finished> =>
  coxswain(["worker", "--coordinator", address, "--http", "none", "--reconnect-timeout", "3", ...flags]);

describe.skipIf(!hasOpenssl)(`TLS${skipped}`, () => {
  let plain: Buffer;

  beforeAll(async () => {
    const folder = temporaryFolder();
    expect((await coxswain(["train", writeRun(folder, run(null))])).code).toBe(0);
    plain = adapterBytes(join(folder, "out"));
  });

  it("with README.md's certificate trains to the same bits as without TLS", async () => {
    const folder = temporaryFolder();
    const names = "-subj /CN=coxswain -addext subjectAltName=DNS:localhost";
    openssl(folder, `req -x509 -newkey rsa:2048 -nodes -days 30 -keyout key.pem -out cert.pem ${names}`);
    const { process, port } = await coordinator(folder, { cert: "cert.pem", key: "key.pem" });
    // By its files it is known although it was not named in them; who knows nothing but the address is told what to give.
    const status = await coxswain(["status", join(folder, "out")]);
    expect(status).toMatchObject({ code: 0, stdout: expect.stringMatching(/^waiting for workers/) as string });
    const plainText = await coxswain(["status", "--coordinator", `127.0.0.1:${port}`]);
    expect(plainText).toMatchObject({ code: 5, stderr: expect.stringContaining("pass --tls-ca") as string });
    expect(await worker(`localhost:${port}`, "--tls-ca", join(folder, "cert.pem"))).toMatchObject({ code: 0 });
    expect((await process.finished).code).toBe(0);
    expect(adapterBytes(join(folder, "out")).equals(plain)).toBe(true);
  });

  it("with a certificate of another name ends `train` with that reason", async () => {
    const folder = temporaryFolder();
    const names = "-subj /CN=coxswain -addext subjectAltName=DNS:head";
    openssl(folder, `req -x509 -newkey rsa:2048 -nodes -days 30 -keyout key.pem -out cert.pem ${names}`);
    const { code, stderr } = await coxswain(["train", writeRun(folder, run({ cert: "cert.pem", key: "key.pem" }))]);
    expect(stderr).toMatch(
      /^error: local worker 0 died 3 times .*: no connection to 127\.0\.0\.1:\d+: its certificate is for another name .*\nhint: .*\bcreate a certificate for this name\. Its log: \S+worker-0\.log\n$/,
    );
    expect(code).toBe(5);
  });

  it("in the mesh trains to the same bits", async () => {
    const folder = temporaryFolder();
    makeAuthority(folder, "ca");
    makeCertificate(folder, "server", "ca");
    const tls = { cert: "server.pem", key: "server-key.pem" };
    const file = writeRun(folder, run(tls, { all_reduce: "mesh", min_workers: 3 }));
    const process = new CoxswainProcess(["coordinator", file]);
    const [, port] = await process.until(/listening on 127\.0\.0\.1:(\d+)/);
    const trusting = ["--tls-ca", join(folder, "ca.pem")];
    const workers = [1, 2, 3].map(() => worker(`127.0.0.1:${port!}`, ...trusting));
    for (const { code } of await Promise.all(workers)) expect(code).toBe(0);
    expect((await process.finished).code).toBe(0);
    const events = eventLines(join(folder, "out")).map(({ event }) => event);
    expect(events).not.toContain("worker_unreachable");
    expect(events).not.toContain("mesh_failed");
    expect(adapterBytes(join(folder, "out")).equals(plain)).toBe(true);
  });

  describe("with certificates on both sides", () => {
    const folder = temporaryFolder();
    const file = (name: string): string => join(folder, name);
    const shown = (name: string): string[] => ["--tls-cert", file(`${name}.pem`), "--tls-key", file(`${name}-key.pem`)];
    const trusting = ["--tls-ca", file("ca.pem")];
    let process: CoxswainProcess;
    let address: string;

    beforeAll(async () => {
      makeAuthority(folder, "ca");
      makeAuthority(folder, "stranger");
      for (const name of ["server", "worker"]) makeCertificate(folder, name, "ca");
      makeCertificate(folder, "intruder", "stranger");
      const started = await coordinator(folder, { cert: "server.pem", key: "server-key.pem", ca: "ca.pem" });
      process = started.process;
      address = `127.0.0.1:${started.port}`;
    });

    it.each([
      ["without TLS", [], /no coordinator at \S+: it closes the connection\nhint: It may use TLS: pass --tls-ca/],
      [
        "that trusts another authority",
        ["--tls-ca", file("stranger.pem"), ...shown("worker")],
        /no connection to \S+: its certificate is not trusted \(.+\)\nhint: Pass as --tls-ca/,
      ],
      [
        "without a certificate",
        trusting,
        /no connection to \S+: it asks for a certificate\nhint: Pass --tls-cert and --tls-key/,
      ],
      [
        "with a certificate of another authority",
        [...trusting, ...shown("intruder")],
        /it (closes the connection|does not accept this side's certificate)\nhint: .*--tls-cert and --tls-key/,
      ],
    ])("refuses a worker %s, with the reason", async (_, flags, says) => {
      const { code, stderr } = await worker(address, ...flags);
      expect(stderr).toMatch(says);
      expect(code).toBe(5);
    });

    it("then trains to the same bits with a trusted worker", async () => {
      const { code, stderr } = await worker(address, ...trusting, ...shown("worker"));
      expect(code).toBe(0);
      expect(stderr).not.toContain("Warning");
      expect(await process.finished).toMatchObject({ code: 0, stderr: "" });
      expect(eventLines(file("out")).filter(({ event }) => event === "worker_joined")).toHaveLength(1);
      expect(adapterBytes(file("out")).equals(plain)).toBe(true);
    });
  });

  describe("with files that cannot be used", () => {
    const folder = temporaryFolder();
    const at = (name: string): string => join(folder, name);

    beforeAll(() => {
      makeAuthority(folder, "ca");
      makeCertificate(folder, "head", "ca");
      makeCertificate(folder, "expired", "ca", -1);
      makeFutureCertificate(folder, "future", "ca");
      writeFileSync(at("text.pem"), "no certificate\n");
    });

    it.each([
      ["swapped", { cert: "head-key.pem", key: "head.pem" }, /cluster\.tls\.cert: \S+head-key\.pem contains no cert/],
      ["of two pairs", { cert: "head.pem", key: "ca-key.pem" }, /cluster\.tls\.key: \S+ca-key\.pem does not belong/],
      [
        "no PEM",
        { cert: "head.pem", key: "head-key.pem", ca: "text.pem" },
        /cluster\.tls\.ca: \S+text\.pem contains no/,
      ],
      [
        "out of date",
        { cert: "expired.pem", key: "expired-key.pem" },
        /cluster\.tls\.cert: \S+expired\.pem expired on/,
      ],
      [
        "too early",
        { cert: "future.pem", key: "future-key.pem" },
        /cluster\.tls\.cert: \S+future\.pem is valid from 2090/,
      ],
    ])("a coordinator refuses to start (%s)", async (_, tls, says) => {
      const { code, stderr } = await coxswain(["train", writeRun(folder, run(tls))]);
      expect(stderr).toMatch(says);
      expect(code).toBe(2);
    });

    it.each([
      [
        "swapped",
        ["--tls-cert", at("head-key.pem"), "--tls-key", at("head.pem")],
        /--tls-cert: \S+ contains no certificate/,
      ],
      ["no PEM", ["--tls-ca", at("text.pem")], /--tls-ca: \S+text\.pem contains no certificate/],
      ["out of date", ["--tls-cert", at("expired.pem"), "--tls-key", at("expired-key.pem")], /expired\.pem expired on/],
      ["alone", ["--tls-key", at("head-key.pem")], /--tls-key is given without --tls-cert/],
    ])("a worker and `status` refuse to start (%s)", async (_, flags, says) => {
      for (const command of [["worker", "--http", "none"], ["status"]]) {
        const { code, stderr } = await coxswain([...command, "--coordinator", "localhost:1", ...flags]);
        expect(stderr).toMatch(says);
        expect(code).toBe(2);
      }
    });

    it.each([
      ["expired", /its certificate expired on 20\d\d-\d\d-\d\d .* UTC/],
      ["future", /its certificate is valid from 2090-01-01 00:00:00 UTC on/],
    ])("a worker reports the validity dates of the coordinator's certificate (%s)", async (name, says) => {
      const [cert, key] = [readFileSync(at(`${name}.pem`)), readFileSync(at(`${name}-key.pem`))];
      const server = createServer({ cert, key, ALPNProtocols: ["h2"] }).on("tlsClientError", () => undefined);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      try {
        const { port } = server.address() as AddressInfo;
        const { code, stderr } = await worker(`127.0.0.1:${port}`, "--tls-ca", at("ca.pem"));
        expect(stderr).toMatch(says);
        expect(code).toBe(5);
      } finally {
        server.close();
      }
    });
  });
});
