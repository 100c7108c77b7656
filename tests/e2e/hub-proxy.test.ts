/** The hub over TLS through a proxy, with a certificate authority that Node does not know. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { hasOpenssl, openssl } from "../support/certificates.js";
import { HttpProxy } from "../support/http-proxy.js";
import { coxswain, temporaryFolder } from "../support/processes.js";
import { quickstartModel } from "../support/runs.js";
import { startHub } from "../support/hub/server.js";

describe.skipIf(!hasOpenssl)(`a hub behind a proxy${hasOpenssl ? "" : " (skipped: no openssl)"}`, () => {
  it("is reached by https_proxy and trusted by NODE_EXTRA_CA_CERTS; without that, the error names it", async () => {
    const folder = temporaryFolder();
    const names = "-subj /CN=hub.test -addext subjectAltName=DNS:hub.test";
    openssl(folder, `req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem ${names}`);
    const text = (name: string): string => readFileSync(join(folder, name), "utf8");
    const id = "some-owner/quickstart";
    const files = Object.fromEntries(
      readdirSync(quickstartModel)
        .filter((name) => /\.(json|safetensors|jinja)$/.test(name))
        .map((name) => [name, readFileSync(join(quickstartModel, name))]),
    );
    const tls = { cert: text("cert.pem"), key: text("key.pem") };
    const hub = await startHub({ id, commit: "0123456789abcdef0123456789abcdef01234567", files, tls });
    const proxy = await HttpProxy.start({ credentials: "user:secret" });
    onTestFinished(() => proxy.close());
    const { port } = new URL(hub.url);
    const ask = (env: Record<string, string>) =>
      coxswain(["generate", "--model", id, "--prompt", "play music", "--max-new-tokens", "2"], {
        env: {
          COXSWAIN_CACHE: temporaryFolder(),
          HF_HOME: temporaryFolder(),
          HF_ENDPOINT: `https://hub.test:${port}`,
          https_proxy: `http://user:secret@127.0.0.1:${proxy.port}`,
          ...env,
        },
      });
    const untrusted = await ask({});
    expect(untrusted.stderr).toMatch(/cannot fetch \S+ from hub\.test:\d+ through the proxy http:\S+ \(https_proxy\)/);
    expect(untrusted.stderr).toContain("NODE_EXTRA_CA_CERTS");
    expect(untrusted.code).toBe(5);
    const trusted = await ask({ NODE_EXTRA_CA_CERTS: join(folder, "cert.pem") });
    expect(trusted.code).toBe(0);
    expect(new Set(proxy.asked)).toEqual(new Set([`hub.test:${port}`]));
  });
});
