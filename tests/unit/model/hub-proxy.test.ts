/** A machine that reaches the hub through a proxy alone, as in many companies: models are fetched, and a proxy that is in the way is named. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, describe, it, onTestFinished } from "vitest";
import { resolveModel } from "../../../src/model/index.js";
import { HttpProxy } from "../../support/http-proxy.js";
import type { HttpProxyOptions } from "../../support/http-proxy.js";
import { expectTrouble, floatsFile, temporaryFolder } from "./helpers.js";
import { startHub } from "../../support/hub/server.js";

const id = "some-owner/Some.Model-1";
const files = {
  "config.json": '{"model_type": "llama"}',
  "model.safetensors": floatsFile({ a: { shape: [2000], values: Array.from({ length: 2000 }, (_, index) => index) } }),
  "tokenizer.json": "{}",
};

/** A hub that only the proxy knows, under the name hub.test. */
async function setUp(options: HttpProxyOptions = {}) {
  const proxy = await HttpProxy.start(options);
  onTestFinished(() => proxy.close());
  const hub = await startHub({ id, commit: "0123456789abcdef0123456789abcdef01234567", files });
  const port = Number(new URL(hub.url).port);
  const fetchModel = (environment: Record<string, string>): Promise<string> =>
    resolveModel(id, {
      cacheDir: temporaryFolder(),
      environment: { HF_HOME: temporaryFolder(), HF_ENDPOINT: `http://hub.test:${port}`, ...environment },
      wait: () => Promise.resolve(),
    });
  return { proxy, hub, port, fetchModel };
}

describe("a hub behind a proxy", () => {
  it.each(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])(
    "is reached by %s, with its password",
    async (name) => {
      const { proxy, port, fetchModel } = await setUp({ credentials: "user:p@ss" });
      const folder = await fetchModel({ [name]: `http://user:p%40ss@127.0.0.1:${proxy.port}` });
      expect(readFileSync(join(folder, "model.safetensors")).equals(Buffer.from(files["model.safetensors"]))).toBe(
        true,
      );
      expect(new Set(proxy.asked)).toEqual(new Set([`hub.test:${port}`]));
    },
  );

  it.each(["no_proxy", "NO_PROXY"])("is reached directly if %s says so", async (name) => {
    const { proxy, hub, fetchModel } = await setUp();
    const http_proxy = `http://127.0.0.1:${proxy.port}`;
    const trouble = await expectTrouble(fetchModel({ http_proxy, [name]: "hub.test" }), "network");
    expect(trouble.message).toMatch(/^cannot fetch some-owner\/Some.Model-1 from hub\.test:\d+: E/);
    // This machine itself is never asked for through one.
    await fetchModel({ http_proxy, HF_ENDPOINT: hub.url });
    expect(proxy.asked).toEqual([]);
  });

  it.each([
    ["asks for a password", { credentials: "user:other" }, /requires another user and password \(407\)/],
    ["refuses", { status: 403 }, /refuses the connection \(403\)/],
  ] as const)("gives an error that names a proxy that %s, without its password", async (_, options, reason) => {
    const { proxy, fetchModel } = await setUp(options);
    const url = `http://user:very-secret@127.0.0.1:${proxy.port}`;
    // Through a tunnel, the proxy's own answer is told from the hub's.
    const trouble = await expectTrouble(fetchModel({ https_proxy: url, HF_ENDPOINT: "https://hub.test" }), "network");
    expect(trouble.message).toContain(`the proxy http://127.0.0.1:${proxy.port} (https_proxy)`);
    expect(trouble.message).toMatch(reason);
    expect(`${trouble.message} ${String(trouble.hint)}`).not.toContain("very-secret");
    expect(trouble.hint).toContain("Correct https_proxy");
  });

  it("gives an error that names an unreachable or invalid proxy", async () => {
    const { fetchModel } = await setUp();
    const gone = await expectTrouble(fetchModel({ http_proxy: "http://user:very-secret@127.0.0.1:9" }), "network");
    expect(gone.message).toMatch(/the proxy http:\/\/127\.0\.0\.1:9 \(http_proxy\) cannot be reached: ECONNREFUSED$/);
    const socks = await expectTrouble(fetchModel({ all_proxy: "socks5://user:very-secret@127.0.0.1:9" }), "config");
    expect(socks.message).toMatch(/^socks5:\/\/127\.0\.0\.1:9 \(all_proxy\)/);
  });
});
