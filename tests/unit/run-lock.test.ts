import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, describe, it } from "vitest";
import { findHolder, lockOutputFolder } from "../../src/run-lock.js";
import { CoxswainError } from "../../src/errors.js";
import { temporaryFolder } from "./model/helpers.js";

const lockFile = (folder: string): string => join(folder, ".lock");

interface Content {
  host: string;
  pid: number;
  started: string | null;
  address: string | null;
}
const contentOf = (folder: string): Content => JSON.parse(readFileSync(lockFile(folder), "utf8")) as Content;

/** What another process left in the folder, `age` seconds ago. */
function leave(folder: string, content: Partial<Content> | string, age = 0): void {
  const text = typeof content === "string" ? content : JSON.stringify({ host: hostname(), started: null, ...content });
  writeFileSync(lockFile(folder), text);
  const then = Date.now() / 1000 - age;
  utimesSync(lockFile(folder), then, then);
}

it("hears the end of the process once, however many folders it holds", () => {
  const before = process.listenerCount("exit");
  const locks = Array.from({ length: 12 }, () => lockOutputFolder(temporaryFolder()));
  expect(process.listenerCount("exit")).toBe(before + 1);
  locks.forEach((lock) => lock.release());
  expect(process.listenerCount("exit")).toBe(before);
});

function refusal(folder: string): CoxswainError {
  try {
    lockOutputFolder(folder).release();
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await new Promise((resolve) => child.once("close", resolve));
  return child.pid!;
}

describe("an output folder has one coordinator", () => {
  it("rejects the second, with the folder, the first one's pid and the alternatives, until the first has ended", () => {
    const folder = join(temporaryFolder(), "runs", "one");
    const lock = lockOutputFolder(folder);
    const error = refusal(folder);
    expect(error.code).toBe("config");
    expect(error.message).toBe(`output_dir: ${folder} is in use by another coordinator, process ${process.pid}`);
    expect(error.hint).toBe(`Wait for it or stop it (kill ${process.pid}), or choose another output_dir.`);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    lockOutputFolder(folder).release();
  });

  it("gives the holder's address while it is alive", () => {
    const folder = temporaryFolder();
    expect(findHolder(folder)).toBeUndefined();
    const lock = lockOutputFolder(folder);
    expect(findHolder(folder)).toMatchObject({ host: hostname(), pid: process.pid, address: null });
    lock.announce("127.0.0.1:41234");
    expect(findHolder(folder)).toMatchObject({ pid: process.pid, address: "127.0.0.1:41234" });
    expect(refusal(folder).code).toBe("config");
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    leave(folder, { pid: process.pid, started: "another process of this number", address: "127.0.0.1:41234" });
    expect(findHolder(folder)).toBeUndefined();
  });

  it("names a holder on another host, and considers it dead after two minutes of silence", () => {
    const folder = temporaryFolder();
    leave(folder, { host: "elsewhere", pid: process.pid }, 100);
    const { message, hint } = refusal(folder);
    expect(message).toMatch(new RegExp(`in use by another coordinator, process ${process.pid} on elsewhere$`));
    expect(hint).toContain(`If it no longer runs, wait 2 minutes, or remove ${lockFile(folder)}.`);
    leave(folder, { host: "elsewhere", pid: process.pid }, 130);
    lockOutputFolder(folder).release();
  });

  it("respects a partial or unknown file for the same time", () => {
    const folder = temporaryFolder();
    leave(folder, "");
    expect(refusal(folder).message).toContain("in use by another coordinator, another process");
    leave(folder, "", 130);
    lockOutputFolder(folder).release();
  });
});

describe("a killed coordinator does not block its folder", () => {
  it("if its process no longer exists", async () => {
    const folder = temporaryFolder();
    leave(folder, { pid: await endedProcess() });
    const lock = lockOutputFolder(folder);
    expect(contentOf(folder)).toMatchObject({ host: hostname(), pid: process.pid });
    expect(readdirSync(folder)).toEqual([".lock"]);
    lock.release();
  });

  it.skipIf(!existsSync("/proc/self/stat"))("if its pid belongs to another process now (needs /proc: Linux)", () => {
    const folder = temporaryFolder();
    const lock = lockOutputFolder(folder);
    const { started } = contentOf(folder);
    lock.release();
    expect(started).toMatch(/^\d+$/);
    leave(folder, { pid: process.pid, started });
    expect(refusal(folder).message).toContain(`process ${process.pid}`);
    leave(folder, { pid: process.pid, started: String(Number(started) - 1) });
    lockOutputFolder(folder).release();
  });

  it("after two minutes of silence if start times are unknown", () => {
    const folder = temporaryFolder();
    leave(folder, { pid: process.pid }, 100);
    expect(refusal(folder).code).toBe("config");
    leave(folder, { pid: process.pid }, 130);
    lockOutputFolder(folder).release();
  });
});
