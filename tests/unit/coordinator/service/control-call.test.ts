import { expect, it } from "vitest";
import { hostOf } from "../../../../src/coordinator/service/grpc/control-call.js";

it.each([
  ["10.0.0.7:40912", "10.0.0.7"],
  ["ipv4:10.0.0.7:40912", "10.0.0.7"],
  ["[::1]:40912", "[::1]"],
  ["::1:40912", "[::1]"],
  ["ipv6:[2001:db8::7]:40912", "[2001:db8::7]"],
  ["::ffff:10.0.0.7:40912", "10.0.0.7"],
  ["unknown", undefined],
])("the host of the peer %s is %s", (peer, host) => {
  expect(hostOf(peer)).toBe(host);
});
