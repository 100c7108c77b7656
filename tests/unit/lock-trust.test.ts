import { hostname } from "node:os";
import { expect, it } from "vitest";
import { doubtAbout } from "../../src/lock-trust.js";
import { startOf } from "../../src/processes.js";
import { listeningPort } from "../support/listening.js";

const us = process.getuid?.() ?? 0;
const holder = { host: hostname(), pid: process.pid, started: startOf(process.pid), address: null, owner: us };

it("believes the process that wrote the lock and listens at its port", async () => {
  const port = await listeningPort();
  expect(doubtAbout(holder, port)).toBeUndefined();
  expect(doubtAbout(holder, undefined)).toBeUndefined();
});

it("doubts a lock of another user, whatever it says", () => {
  const theirs = us + 12_345;
  for (const host of [hostname(), "elsewhere"])
    expect(doubtAbout({ ...holder, host, owner: theirs }, undefined)).toBe(
      `the file belongs to another user (uid ${theirs})`,
    );
});

it.runIf(process.platform === "linux")("doubts a process that started at another time, or at an unknown one", () => {
  for (const started of [null, "1"])
    expect(doubtAbout({ ...holder, started }, undefined)).toBe(`process ${process.pid} did not write it`);
});

it.runIf(process.platform === "linux")("doubts a port where another process listens", async () => {
  const port = await listeningPort();
  // The parent of this process exists, and does not listen there.
  const other = { ...holder, pid: process.ppid, started: startOf(process.ppid) };
  expect(doubtAbout(other, port)).toBe(`process ${process.ppid} does not listen at port ${port}`);
});

it("believes a lock of this user on another machine, whose process cannot be examined", () => {
  expect(doubtAbout({ ...holder, host: "elsewhere", started: null }, 7070)).toBeUndefined();
});
