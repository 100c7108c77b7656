/** These tests protect: workers that find the coordinator which leads the run now, under an address that they can use. */
import { describe, expect, it } from "vitest";
import { addressFrom, advertisedAddress, mayAnnounce, parseAnnouncement } from "../../../src/nats/lease.js";
import type { Announcement } from "../../../src/nats/lease.js";
import { errorOf } from "../../support/errors.js";

const first: Announcement = {
  address: "10.0.0.1:7070",
  host: "head",
  pid: 1,
  run_id: "a",
  started_at: "2026-01-01T10:00:00.000Z",
  tls: false,
};
const successor: Announcement = { ...first, run_id: "b", pid: 2, started_at: "2026-01-01T10:05:00.000Z" };

describe("a coordinator announces itself", () => {
  it("if nobody does, and renews its lease", () => {
    expect(mayAnnounce(first, undefined)).toBe(true);
    expect(mayAnnounce(first, first)).toBe(true);
  });

  it("over its predecessor, whose lease remains after kill -9", () => {
    expect(mayAnnounce(successor, first)).toBe(true);
  });

  it("not over its successor, when it resumes after being considered dead", () => {
    expect(mayAnnounce(first, successor)).toBe(false);
  });
});

describe("the announced address", () => {
  const port = 7070;
  it.each([
    ["127.0.0.1", null, "127.0.0.1:7070"],
    ["0.0.0.0", null, "head:7070"],
    ["::", null, "head:7070"],
    ["::1", null, "[::1]:7070"],
    ["0.0.0.0", "run.example", "run.example:7070"],
    ["0.0.0.0", "run.example:443", "run.example:443"],
    ["0.0.0.0", "[2001:db8::7]", "[2001:db8::7]:7070"],
    ["0.0.0.0", "[2001:db8::7]:443", "[2001:db8::7]:443"],
  ])("listening on %s with advertise %s: is %s", (host, advertise, address) => {
    expect(advertisedAddress({ host, port }, advertise, "head")).toBe(address);
  });

  it("is used unchanged, except for another machine's loopback, which is rejected by name", () => {
    expect(addressFrom(first, "r", "here")).toEqual({ host: "10.0.0.1", port });
    const local = { ...first, address: "127.0.0.1:7070" };
    expect(addressFrom(local, "r", "head")).toEqual({ host: "127.0.0.1", port });
    const error = errorOf(() => addressFrom(local, "r", "here"));
    expect(error.message).toBe(
      "the coordinator of r listens on 127.0.0.1:7070 of head, which other machines cannot reach",
    );
    expect(error.hint).toMatch(/--listen 0\.0\.0\.0:7070/);
  });
});

it("ignores values in the bucket that are not announcements", () => {
  expect(parseAnnouncement(JSON.stringify(first))).toEqual(first);
  for (const text of ["", "{", "null", "[]", JSON.stringify({ ...first, pid: "1" })])
    expect(parseAnnouncement(text)).toBeUndefined();
});
