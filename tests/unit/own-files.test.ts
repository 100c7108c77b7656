import { execFileSync } from "node:child_process";
import { chownSync, closeSync, readFileSync, statSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isOwnedByUs, openOwnFile, readOwnFile } from "../../src/own-files.js";
import { temporaryFolder } from "./model/helpers.js";

const isPosix = process.platform !== "win32";

describe.runIf(isPosix)("a file of a run", () => {
  it.each(["append", "update", "read"] as const)("is not opened through a symbolic link (%s)", (mode) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "theirs"), "kept");
    symlinkSync(join(folder, "theirs"), join(folder, "link"));
    symlinkSync(join(folder, "absent"), join(folder, "dangling"));
    for (const name of ["link", "dangling"])
      expect(() => openOwnFile(join(folder, name), mode)).toThrow(
        `${join(folder, name)}: is a symbolic link, not a file`,
      );
    expect(readFileSync(join(folder, "theirs"), "utf8")).toBe("kept");
    expect(statSync(join(folder, "absent"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it.each(["append", "update", "read"] as const)(
    "is not a pipe or a device, for which opening might wait (%s)",
    (mode) => {
      const folder = temporaryFolder();
      execFileSync("mkfifo", [join(folder, "pipe")]);
      expect(() => openOwnFile(join(folder, "pipe"), mode)).toThrow("pipe: is a pipe, not a file");
      expect(() => openOwnFile("/dev/zero", mode)).toThrow("/dev/zero: is a device, not a file");
    },
  );

  it("follows the umask when it is created", () => {
    const path = join(temporaryFolder(), "new");
    const umask = process.umask(0o077);
    try {
      closeSync(openOwnFile(path, "append"));
    } finally {
      process.umask(umask);
    }
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is appended to, and read as a whole up to a limit", () => {
    const path = join(temporaryFolder(), "new");
    for (const text of ["one ", "two"]) {
      const file = openOwnFile(path, "append");
      writeSync(file, text);
      closeSync(file);
    }
    expect(readOwnFile(path, 7).text).toBe("one two");
    expect(() => readOwnFile(path, 6)).toThrow(`${path}: is larger than 6 bytes`);
  });
});

describe.runIf(isPosix)("an owner", () => {
  it("is us or root", () => {
    expect(isOwnedByUs(process.getuid!())).toBe(true);
    expect(isOwnedByUs(0)).toBe(true);
    expect(isOwnedByUs(process.getuid!() + 12_345)).toBe(false);
  });

  it.runIf(process.getuid?.() === 0)("is read with the file (needs root)", () => {
    const path = join(temporaryFolder(), "theirs");
    writeFileSync(path, "x");
    chownSync(path, 12_345, 12_345);
    expect(readOwnFile(path, 10).stats.uid).toBe(12_345);
  });
});
