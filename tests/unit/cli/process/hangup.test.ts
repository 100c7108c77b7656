/** What a user loses if these fail: a run under nohup survives the end of the session; any other one stops with it. */
import { describe, expect, it } from "vitest";
import { hangupsIgnored, readOrigin, type ProcessFiles } from "../../../../src/cli/process/hangup.js";

/** A system of these files; links are told apart by "-> ". */
const system = (files: Record<string, string>): ProcessFiles => ({
  read: (path) => (files[path]?.startsWith("-> ") === true ? undefined : files[path]),
  link: (path) => (files[path]?.startsWith("-> ") === true ? files[path].slice(3) : undefined),
});

const stat = (pid: number, parent: number, session: number, name = "node"): string =>
  `${pid} (${name}) S ${parent} ${pid} ${session} 0 -1`;

const ignoredIn = (environment: Record<string, string>, files: Record<string, string>): boolean =>
  hangupsIgnored(readOrigin(environment, system(files)));

describe("SIGHUP stops a run", () => {
  it("that was started from a terminal", () => {
    const files = {
      "/proc/self/stat": stat(30, 20, 20),
      "/proc/20/stat": stat(20, 10, 20, "bash"),
      "/proc/20/status": "SigIgn:\t0000000000384004\n",
      "/proc/20/environ": "HOME=/root\0_=/usr/bin/login\0",
      "/proc/self/fd/0": "-> /dev/pts/0",
      "/proc/self/fdinfo/0": "pos:\t0\nflags:\t0100002\n",
    };
    expect(ignoredIn({ _: "/usr/local/bin/coxswain" }, files)).toBe(false);
  });

  it("whose input is /dev/null opened for reading", () => {
    const files = { "/proc/self/fd/0": "-> /dev/null", "/proc/self/fdinfo/0": "pos:\t0\nflags:\t0100000\n" };
    expect(ignoredIn({}, files)).toBe(false);
  });

  it("whose session's parent, a daemon, ignores it", () => {
    const files = {
      "/proc/self/stat": stat(30, 20, 20),
      "/proc/20/stat": stat(20, 10, 20, "bash (login)"),
      "/proc/10/stat": stat(10, 1, 10, "sshd"),
      "/proc/10/status": "SigIgn:\t0000000000000001\n",
    };
    expect(ignoredIn({}, files)).toBe(false);
  });

  it("on a system without /proc", () => {
    expect(ignoredIn({}, {})).toBe(false);
  });
});

describe("SIGHUP does not stop a run", () => {
  it("that a shell started under nohup", () => {
    expect(ignoredIn({ _: "/usr/bin/nohup" }, {})).toBe(true);
  });

  it("whose input was replaced by nohup", () => {
    const files = { "/proc/self/fd/0": "-> /dev/null", "/proc/self/fdinfo/0": "pos:\t0\nflags:\t0100001\n" };
    expect(ignoredIn({ _: "/usr/bin/env" }, files)).toBe(true);
  });

  it("in a script that ignores it", () => {
    const files = {
      "/proc/self/stat": stat(30, 20, 20),
      "/proc/20/stat": stat(20, 10, 20, "sh"),
      "/proc/20/status": "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n",
    };
    expect(ignoredIn({}, files)).toBe(true);
  });

  it("under nohup npx", () => {
    const files = {
      "/proc/self/stat": stat(40, 30, 20),
      "/proc/30/stat": stat(30, 20, 20, "npm exec coxswain"),
      "/proc/30/status": "SigIgn:\t0000000001001000\n",
      "/proc/30/environ": "_=/usr/bin/nohup\0HOME=/root\0",
      "/proc/20/stat": stat(20, 10, 20, "bash"),
    };
    expect(ignoredIn({ _: "/app/node_modules/.bin/coxswain" }, files)).toBe(true);
  });
});
