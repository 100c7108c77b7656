/** These tests protect: a full disk or a low limit is called by its name, not a bug. */
import { readFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { CoxswainError } from "../../src/errors.js";
import { packError, unpackError } from "../../src/packed-error.js";
import { systemTrouble } from "../../src/system-errors.js";

const system = (code: string, more: object = {}): Error => Object.assign(new Error(`${code}: raw`), { code, ...more });

describe("a file error names the file", () => {
  it.each([
    ["ENOENT", "no such file or folder"],
    ["EACCES", "permission denied"],
    ["EPERM", "permission denied"],
    ["EROFS", "the file system is read-only"],
    ["ENOSPC", "no space left on the disk"],
    ["EDQUOT", "the disk quota is exhausted"],
    ["ENAMETOOLONG", "the name is too long"],
    ["ENOTDIR", "is not a folder"],
    ["EISDIR", "is a folder"],
    ["ELOOP", "its symbolic links form a loop"],
    ["EIO", "reading or writing failed"],
    ["EBUSY", "it is in use"],
    ["ESTALE", "stale network file handle"],
  ])("%s: %s, exit code 6", (code, words) => {
    const trouble = systemTrouble(system(code, { path: "/data/x" }))!;
    expect(trouble.message).toBe(`/data/x: ${words}`);
    expect(trouble.hint).toMatch(/\.$/);
    expect(trouble.exitCode).toBe(6);
  });

  it("both files of a rename", () => {
    expect(systemTrouble(system("EXDEV", { path: "/a", dest: "/b" }))?.message).toMatch(/^\/a -> \/b: /);
  });

  it("with the given error code", () => {
    expect(systemTrouble(system("EACCES", { path: "config.json" }), "model")?.exitCode).toBe(4);
  });

  it("a full disk even if the system names no file", () => {
    expect(systemTrouble(system("ENOSPC", { syscall: "write" }))?.message).toBe("no space left on the disk");
  });

  it("as thrown by Node.js", () => {
    const thrown = (act: () => unknown): unknown => {
      try {
        act();
      } catch (error) {
        return error;
      }
      throw new Error("nothing was thrown");
    };
    const missing = thrown(() => readFileSync("/no/such/file"));
    expect(systemTrouble(missing)?.message).toBe("/no/such/file: no such file or folder");
    const beneathFile = thrown(() => mkdirSync("/etc/passwd/x"));
    expect(systemTrouble(beneathFile)?.message).toBe("/etc/passwd/x: is not a folder");
  });
});

describe("a network error names the address, with exit code 5", () => {
  it.each([
    ["EADDRINUSE", { address: "127.0.0.1", port: 7070 }, "127.0.0.1:7070: the port is in use"],
    ["EADDRNOTAVAIL", { address: "192.0.2.1" }, "192.0.2.1: is not an address of this machine"],
    ["EACCES", { syscall: "listen", address: "::", port: 80 }, "[::]:80: no permission to listen there"],
    ["ECONNREFUSED", { address: "::1", port: 1 }, "[::1]:1: nothing listens there"],
    ["ENOTFOUND", { hostname: "no.such.host" }, "no.such.host: no such host"],
    ["EAI_AGAIN", { hostname: "hub.example" }, "hub.example: the name cannot be resolved now"],
    ["ETIMEDOUT", {}, "no answer in time"],
  ])("%s", (code, more, message) => {
    expect(systemTrouble(system(code, more))).toMatchObject({ message, exitCode: 5 });
  });

  it("as thrown by Node.js", async () => {
    const server = createServer().listen(1, "192.0.2.1");
    const [error] = (await once(server, "error").catch((thrown: unknown) => [thrown])) as [unknown];
    expect(systemTrouble(error)?.code).toBe("network");
  });

  it("also if fetch hides it in a cause", () => {
    const fetching = new TypeError("fetch failed", { cause: system("ENOTFOUND", { hostname: "hub.example" }) });
    expect(systemTrouble(fetching)?.message).toBe("hub.example: no such host");
  });
});

describe("a limit of the machine is reported with its remedy, with exit code 7", () => {
  const memory = "not enough memory";
  it.each([
    [system("EMFILE", { path: "/any/module.js" }), "too many files are open", "ulimit -n"],
    [system("ENFILE"), "too many files are open", "fs.file-max"],
    [system("ENOMEM"), memory, "micro_batch_size"],
    [new RangeError("Array buffer allocation failed"), memory, "micro_batch_size"],
    [new RangeError("WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory"), memory, "ulimit -v"],
    [new Error("std::bad_alloc"), memory, "doctor"],
    [new Error("Non-zero status code: Failed to allocate memory for requested buffer of size 9"), memory, "doctor"],
    [system("ERR_WORKER_OUT_OF_MEMORY"), memory, "doctor"],
    [
      system("EAGAIN", { syscall: "spawn /usr/bin/node", path: "/usr/bin/node" }),
      "/usr/bin/node: no more processes or threads can be started",
      "ulimit -u",
    ],
    [system("ERR_WORKER_INIT_FAILED"), "no more processes or threads can be started", "ulimit -u"],
    [system("ERR_DLOPEN_FAILED"), "ERR_DLOPEN_FAILED: raw", "install again"],
  ])("%s", (error, message, hint) => {
    const trouble = systemTrouble(error)!;
    expect(trouble).toMatchObject({ message, exitCode: 7 });
    expect(trouble.hint).toContain(hint);
  });
});

it("reports a removed working folder", () => {
  const gone = system("ENOENT", { syscall: "uv_cwd" });
  expect(systemTrouble(gone)).toMatchObject({ message: "the current folder no longer exists", exitCode: 2 });
});

it("gives the same message for another thread or process", () => {
  expect(unpackError(packError(system("EMFILE")))).toMatchObject({ code: "machine", exitCode: 7 });
  expect(packError(new TypeError("x is undefined"))).toEqual({ code: "bug", message: "x is undefined", hint: null });
});

it.each([
  new TypeError("x is undefined"),
  new Error("odd"),
  "text",
  undefined,
  system("ERR_INVALID_ARG_TYPE"),
  system("ENOENT"),
  system("EINVAL"),
  system("EAGAIN", { syscall: "read" }),
])("leaves an internal error unchanged: %s", (error) => {
  expect(systemTrouble(error)).toBeUndefined();
});

it("leaves explained errors unchanged", () => {
  const error = new CoxswainError("data", "no rows");
  expect(systemTrouble(error)).toBe(error);
});
