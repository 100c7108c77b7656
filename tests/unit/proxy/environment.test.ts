/** Which hosts are reached without a proxy, and which proxy the environment names for the others. */
import { describe, expect, it } from "vitest";
import { environmentProxy } from "../../../src/proxy/index.js";
import { isExcepted } from "../../../src/proxy/no-proxy.js";

describe("no_proxy excludes", () => {
  it.each([
    ["*", "anything.example", 1],
    ["example.com", "example.com", 443],
    ["example.com", "head.example.com", 443],
    [".example.com", "head.example.com", 443],
    ["*.example.com", "head.Example.COM", 443],
    [" a.test , example.com ", "example.com.", 443],
    ["a.test b.test", "b.test", 1],
    ["head:7070", "head", 7070],
    ["10.1.2.3", "10.1.2.3", 7070],
    ["10.0.0.0/8", "10.200.0.1", 7070],
    ["0.0.0.0/0", "192.0.2.1", 1],
    ["fd00::/8", "fd12::1", 1],
    ["[fd12::1]:7070", "fd12::1", 7070],
    ["fe80::/10", "fe80::1%eth0", 1],
  ])("%s: %s:%d", (list, host, port) => {
    expect(isExcepted(list, { host, port })).toBe(true);
  });
});

describe("no_proxy does not exclude", () => {
  it.each([
    ["", "example.com", 1],
    [",,", "example.com", 1],
    ["example.com", "notexample.com", 1],
    [".", "example.com", 1],
    ["head:7071", "head", 7070],
    ["10.0.0.0/8", "11.0.0.1", 1],
    ["10.0.0.0/33", "10.0.0.1", 1],
    ["10.0.0.0/8", "ten.example", 1],
    ["10", "10.0.0.10", 1],
    ["fd00::/8", "10.0.0.1", 1],
    ["/", "10.0.0.1", 1],
  ])("%s: %s:%d", (list, host, port) => {
    expect(isExcepted(list, { host, port })).toBe(false);
  });
});

describe("the proxy of the environment", () => {
  const target = { host: "head.example", port: 7070 };
  const shown = (env: Record<string, string>): string | undefined => environmentProxy("cluster", target, env)?.shown;

  it("is the first of its variables, in either case", () => {
    const [http, https] = ["http://h.test:1", "http://s.test:2"];
    expect(shown({ http_proxy: http, https_proxy: https })).toBe("http://s.test:2 (https_proxy)");
    expect(shown({ http_proxy: http, HTTPS_PROXY: https })).toBe("http://s.test:2 (HTTPS_PROXY)");
    expect(shown({ http_proxy: http, grpc_proxy: https })).toBe("http://s.test:2 (grpc_proxy)");
    expect(shown({ https_proxy: " ", ALL_PROXY: "s.test:2" })).toBe("http://s.test:2 (ALL_PROXY)");
    expect(shown({})).toBeUndefined();
    expect(shown({ http_proxy: http, NO_PROXY: "example" })).toBeUndefined();
  });

  it.each(["127.0.0.1", "localhost", "::1", "127.8.0.1"])("is not used for this machine: %s", (host) => {
    expect(environmentProxy("cluster", { host, port: 1 }, { http_proxy: "http://h.test:1" })).toBeUndefined();
  });

  it.each(["http://:very-secret@", "http://[very-secret", "socks5://u:very-secret@h:1", "ftp://very-secret@h"])(
    "is rejected if invalid, without showing a possible password: %s",
    (http_proxy) => {
      expect(() => shown({ http_proxy })).toThrow(/http_proxy/);
      try {
        shown({ http_proxy });
      } catch (error) {
        expect(String(error)).not.toContain("very-secret");
      }
    },
  );
});
