/** These tests protect: a wrong address is refused by name, and a run is not open to strangers by mistake. */
import { describe, expect, it } from "vitest";
import {
  formatAddress,
  isLoopback,
  parseAddress,
  parseHost,
  parseRun,
  reachableHost,
  refuseExposure,
} from "../../../src/config/index.js";

describe("parseAddress", () => {
  it.each([
    ["127.0.0.1:7070", "127.0.0.1", 7070],
    ["[::1]:7070", "::1", 7070],
    ["[::ffff:127.0.0.1]:7070", "::ffff:127.0.0.1", 7070],
    ["coordinator:65535", "coordinator", 65535],
    ["coxswain-0.coxswain.default.svc.cluster.local.:80", "coxswain-0.coxswain.default.svc.cluster.local.", 80],
    ["0.0.0.0:0", "0.0.0.0", 0],
  ])("parses %s, and formats it unchanged", (text, host, port) => {
    const address = parseAddress(text, { name: "cluster.listen", allowPortZero: true });
    expect(address).toEqual({ host, port });
    expect(formatAddress(address)).toBe(text);
  });

  it.each([
    [":7070", '--listen: ":7070" has no host'],
    ["7070", '--listen: "7070" is not HOST:PORT'],
    ["host", '--listen: "host" is not HOST:PORT'],
    ["host:", '--listen: "host:" is not HOST:PORT'],
    ["host:http", '--listen: "host:http" is not HOST:PORT'],
    ["host:-1", '--listen: "host:-1" is not HOST:PORT'],
    ["host:65536", '--listen: "host:65536": a port is at most 65535'],
    ["host:0", '--listen: "host:0": port 0 cannot be reached'],
    ["::1:7070", '--listen: "::1:7070" has more than one colon'],
    ["::1", '--listen: "::1" has more than one colon'],
    ["[host]:1", '--listen: "[host]:1": "host" is neither a name nor an IP address'],
    ["[fe80::1%eth0]:1", '--listen: "[fe80::1%eth0]:1" has a zone (%eth0), which connections do not support'],
    ["", '--listen: "" is not HOST:PORT'],
    ["[::1]", '--listen: "[::1]" is not HOST:PORT'],
    ["[]:1", '--listen: "[]:1" has no host'],
    ["1.2.3:1", '--listen: "1.2.3:1": "1.2.3" is neither a name nor an IP address'],
    ["999.1.1.1:1", '--listen: "999.1.1.1:1": "999.1.1.1" is neither a name nor an IP address'],
    ["a b:1", '--listen: "a b:1": "a b" is neither a name nor an IP address'],
    ["http://host:1", '--listen: "http://host:1" is a URL; an address is HOST:PORT'],
  ])("rejects %s, naming the flag", (text, message) => {
    expect(() => parseAddress(text, { name: "--listen" })).toThrow(
      expect.objectContaining({ code: "config", message, hint: expect.stringMatching(/\S/) as string }),
    );
  });
});

describe("a host without a port", () => {
  it.each([
    ["head", "head"],
    ["10.0.0.7", "10.0.0.7"],
    ["::1", "[::1]"],
    ["[fd00::7]", "[fd00::7]"],
  ])("is parsed as %s, and formatted before a port as %s", (text, host) => {
    expect(parseHost(text, { name: "--advertise" })).toBe(host);
  });

  it.each([
    ["head:7071", "has a port; give only a host"],
    ["[::1]:7071", "has a port; give only a host"],
    ["http://head", "is not a host"],
    ["", "is not a host"],
    ["fe80::1%eth0", "is not a host"],
  ])("is not %j", (text, problem) => {
    expect(() => parseHost(text, { name: "--advertise" })).toThrow(`--advertise: ${JSON.stringify(text)} ${problem}`);
  });
});

describe("an address on the command line", () => {
  const file = "model: m\noutput_dir: o\ndata: { train: t }\n";
  const listens = (override: string | { flag: string; key: string; value: string }): string =>
    parseRun(file, "run.yaml", [override]).cluster.listen;

  it.each(["[::1]:7172", "127.0.0.1:0", "head:7070", "[::]:0"])("is an address, not YAML: %s", (address) => {
    expect(listens({ flag: "--listen", key: "cluster.listen", value: address })).toBe(address);
    expect(listens(`cluster.listen=${address}`)).toBe(address);
    expect(listens(`cluster.listen="${address}"`)).toBe(address);
  });

  it.each(["[::1]", "7070", "", "null", "::1"])("is rejected, naming the flag, if invalid: %j", (value) => {
    expect(() => listens({ flag: "--listen", key: "cluster.listen", value })).toThrow(/^--listen: /);
  });

  it("is YAML in a file, and may need quotes there", () => {
    const unquoted = `${file}cluster:\n  listen: [::1]:7070\n`;
    expect(() => parseRun(unquoted, "run.yaml")).toThrow(/run\.yaml:5: .*put an IPv6 address in quotes/);
  });
});

describe("the local address of a coordinator that listens on all interfaces", () => {
  it.each([
    ["0.0.0.0", "127.0.0.1"],
    ["::", "::1"],
    ["0:0:0:0:0:0:0:0", "::1"],
    ["10.0.0.7", "10.0.0.7"],
    ["head", "head"],
  ])("%s: %s", (host, reached) => {
    expect(reachableHost(host)).toBe(reached);
  });
});

describe("isLoopback", () => {
  it.each(["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])(
    "%s is",
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );
  it.each([
    "0.0.0.0",
    "::",
    "128.0.0.1",
    "10.0.0.1",
    "example.com",
    "127.0.0.1.example.com",
    "::ffff:10.0.0.1",
    "localhost.evil",
  ])("%s is not", (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe("listening beyond loopback", () => {
  const open = { listen: { host: "0.0.0.0", port: 7070 }, tls: false, token: false, insecure: false };

  it("is refused without TLS or a token, with the alternatives", () => {
    expect(() => {
      refuseExposure(open, "cluster.listen");
    }).toThrow(
      expect.objectContaining({
        code: "config",
        message: expect.stringMatching(/^cluster\.listen: 0\.0\.0\.0:7070 can be reached/) as string,
        hint: expect.stringContaining("--insecure") as string,
      }),
    );
  });

  it.each([{ tls: true }, { token: true }, { insecure: true }, { listen: { host: "::1", port: 1 } }])(
    "is allowed with %j",
    (given) => {
      expect(() => {
        refuseExposure({ ...open, ...given }, "cluster.listen");
      }).not.toThrow();
    },
  );
});
