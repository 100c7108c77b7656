import { describe, expect, it } from "vitest";
import { DataNetworks } from "../../../../src/coordinator/service/data-networks.js";

const names: Record<string, string[]> = {
  "worker.example": ["10.0.0.7"],
  "two.example": ["2001:db8::7", "10.0.0.7"],
  "elsewhere.example": ["169.254.169.254"],
  localhost: ["::1", "127.0.0.1"],
};
const resolve = (name: string): Promise<readonly string[]> =>
  name in names ? Promise.resolve(names[name]!) : Promise.reject(new Error("ENOTFOUND"));
const networks = (...entries: string[]): DataNetworks => new DataNetworks(entries, resolve);

describe("the coordinator connects to", () => {
  it.each<[string, string, string, string[], string]>([
    ["the address that a worker calls from", "10.0.0.7", "10.0.0.7", [], "10.0.0.7"],
    ["the same, mapped to IPv6", "10.0.0.7", "[::ffff:10.0.0.7]", [], "10.0.0.7"],
    ["an IPv6 address", "[2001:db8::7]", "[2001:db8::7]", [], "[2001:db8::7]"],
    ["this machine, for a worker on it", "[::1]", "127.0.0.1", [], "[::1]"],
    ["an address of an allowed network", "192.168.4.9", "10.0.0.7", ["192.168.0.0/16"], "192.168.4.9"],
    ["an allowed address", "192.168.4.9", "10.0.0.7", ["192.168.4.9"], "192.168.4.9"],
    ["an allowed IPv6 network", "[2001:db8::1]", "10.0.0.7", ["2001:db8::/32"], "[2001:db8::1]"],
    [
      "an allowed name, which only a proxy may know",
      "Inside.example",
      "10.0.0.7",
      ["inside.example"],
      "Inside.example",
    ],
    ["the address of a name that is the caller's", "worker.example", "10.0.0.7", [], "10.0.0.7"],
    ["the caller's address among those of a name", "two.example", "10.0.0.7", [], "10.0.0.7"],
    ["this machine by name, for a worker on it", "localhost", "127.0.0.1", [], "[::1]"],
  ])("%s", async (_, advertised, source, entries, host) => {
    expect(await networks(...entries).allow(advertised, source)).toEqual({ host });
  });

  it.each<[string, string, string | undefined, string[]]>([
    ["another machine", "10.0.0.8", "10.0.0.7", []],
    ["itself, for a worker elsewhere", "127.0.0.1", "10.0.0.7", []],
    ["itself by name, for a worker elsewhere", "localhost", "10.0.0.7", []],
    ["a service that only it reaches", "169.254.169.254", "10.0.0.7", ["10.0.0.0/8"]],
    ["that service by a name", "elsewhere.example", "10.0.0.7", ["10.0.0.0/8"]],
    ["anything for an unknown caller", "10.0.0.8", undefined, []],
  ])("not to %s, and says how to allow it", async (_, advertised, source, entries) => {
    expect(await networks(...entries).allow(advertised, source)).toEqual({
      reason: expect.stringMatching(
        /^it gives the address .*: allow its network with cluster.data_networks$/,
      ) as string,
    });
  });

  it("no name that cannot be resolved", async () => {
    const reason = "its address nowhere.example cannot be resolved: ENOTFOUND";
    expect(await networks().allow("nowhere.example", "10.0.0.7")).toEqual({ reason });
  });
});
