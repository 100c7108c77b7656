import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFolder, removeLeftovers, replaceFolder } from "../../../src/storage/index.js";
import { expectTrouble, temporaryFolder, writeFolder } from "../model/helpers.js";

const host = hostname().replaceAll(/[^A-Za-z0-9-]/g, "-");
/** A process that ran on this machine and is gone. */
const deadProcess = (): number => spawnSync(process.execPath, ["--version"]).pid;

describe("a folder is complete or absent", () => {
  it("is not visible before it is complete", async () => {
    const parent = temporaryFolder();
    const target = join(parent, "deep", "target");
    await createFolder(target, async (aside) => {
      await writeFile(join(aside, "file"), "x");
      expect(existsSync(target)).toBe(false);
    });
    expect(readFileSync(join(target, "file"), "utf8")).toBe("x");
    expect(readdirSync(join(parent, "deep"))).toEqual(["target"]);
  });

  it("leaves nothing behind when filling fails", async () => {
    const target = join(temporaryFolder(), "target");
    const fill = async (aside: string): Promise<void> => {
      await writeFile(join(aside, "file"), "x");
      throw new RangeError("mistake");
    };
    await expect(createFolder(target, fill)).rejects.toThrow(RangeError);
    expect(readdirSync(join(target, ".."))).toEqual([]);
  });

  it("keeps the first content when two create it concurrently", async () => {
    const target = join(temporaryFolder(), "target");
    const filled: string[] = [];
    const make = (name: string): Promise<string> =>
      createFolder(target, async (aside) => {
        filled.push(name);
        await writeFile(join(aside, name), "x");
      });
    await Promise.all([make("one"), make("two")]);
    expect(filled.sort()).toEqual(["one", "two"]);
    expect(readdirSync(target)).toHaveLength(1);
    await make("three");
    expect(filled).not.toContain("three");
    expect(readdirSync(join(target, ".."))).toEqual(["target"]);
  });

  it("replaces an empty one", async () => {
    const target = join(temporaryFolder(), "target");
    mkdirSync(target);
    await createFolder(target, (aside) => writeFile(join(aside, "file"), "x"));
    expect(readdirSync(target)).toEqual(["file"]);
  });

  it("is replaced completely, or not at all", async () => {
    const target = writeFolder(join(temporaryFolder(), "target"), { old: "x" });
    const failing = replaceFolder(target, () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })));
    expect((await expectTrouble(failing, "storage")).message).toContain(target);
    expect(readdirSync(target)).toEqual(["old"]);
    await replaceFolder(target, (aside) => writeFile(join(aside, "new"), "x"));
    expect(readdirSync(target)).toEqual(["new"]);
    expect(readdirSync(join(target, ".."))).toEqual(["target"]);
  });
});

describe("only leftovers of killed writers are removed", () => {
  const left = (name: string, owner: string, pid: number): string => `.${name}.${owner}.${pid}.0123abcd.incoming`;

  it("of dead processes on this machine", async () => {
    const parent = temporaryFolder();
    const gone = left("a", host, deadProcess());
    const running = left("b", host, process.pid);
    const elsewhere = left("c", "other-host", 1);
    for (const name of [gone, running, elsewhere]) writeFolder(join(parent, name), { file: "x" });
    writeFolder(join(parent, "step-000001"), { file: "x" });
    writeFileSync(join(parent, ".hidden.incoming"), "");
    expect(await removeLeftovers(parent)).toEqual([gone]);
    expect(readdirSync(parent).sort()).toEqual([running, elsewhere, ".hidden.incoming", "step-000001"].sort());
  });

  it("of another machine after a day without changes", async () => {
    const parent = temporaryFolder();
    const elsewhere = left("a", "other-host", 1);
    writeFolder(join(parent, elsewhere), { file: "x" });
    const hour = 3_600_000;
    const now = Date.now();
    expect(await removeLeftovers(parent, { now: () => now + 23 * hour })).toEqual([]);
    // The folder is old, but a file in it is still being written.
    utimesSync(join(parent, elsewhere), new Date(now - 48 * hour), new Date(now - 48 * hour));
    expect(await removeLeftovers(parent, { now: () => now + 23 * hour })).toEqual([]);
    expect(await removeLeftovers(parent, { now: () => now + 25 * hour })).toEqual([elsewhere]);
  });

  it("of anyone, if the caller is the only writer", async () => {
    const parent = temporaryFolder();
    const names = [left("a", host, process.pid), left("b", "other-host", 1)];
    for (const name of names) writeFolder(join(parent, name), {});
    expect((await removeLeftovers(parent, { all: true })).sort()).toEqual(names.sort());
    expect(await removeLeftovers(join(parent, "none"))).toEqual([]);
  });
});
