/** Which names a request may be for. */
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { isOwnHost } from "../../../src/telemetry/host-header.js";

describe("on loopback", () => {
  it.each(["127.0.0.1", "127.0.0.1:9464", "localhost:1", "[::1]:9464", "LOCALHOST", undefined])(
    "%s is served",
    (name) => expect(isOwnHost(name, "127.0.0.1")).toBe(true),
  );

  it.each(["evil.example", "evil.example:9464", "10.0.0.7", "head", "", "127.0.0.1.evil.example", "a@127.0.0.1"])(
    "%s is refused",
    (name) => expect(isOwnHost(name, "127.0.0.1")).toBe(false),
  );

  it("a name that the run file allows is served", () =>
    expect(isOwnHost("Runs.Example:443", "127.0.0.1", ["runs.example"])).toBe(true));
});

describe("on a network", () => {
  it.each([
    "10.0.0.7:9464",
    "[fd00::7]",
    "head:9464",
    `${hostname()}.example`,
    "run.team.svc.cluster.local",
    "head.local",
  ])("%s is served", (name) => expect(isOwnHost(name, "0.0.0.0")).toBe(true));

  it.each(["evil.example", "", "evil.com.:80", "svc.evil.example"])("%s is refused", (name) =>
    expect(isOwnHost(name, "0.0.0.0")).toBe(false),
  );
});
