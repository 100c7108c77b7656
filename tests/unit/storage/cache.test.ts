/** Where the cache is, and what is said of one that cannot be used. */
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CoxswainError } from "../../../src/errors.js";
import { makeFolders, makeFoldersSync } from "../../../src/make-folders.js";
import { cacheFolderIfAny, checkNamedCache, defaultCacheFolder, inCache } from "../../../src/storage/index.js";
import { huggingFaceCacheFolder } from "../../../src/hub/index.js";
import { modelManifest } from "../../../src/model/index.js";
import { expectTrouble, golden, temporaryFolder } from "../model/helpers.js";

afterEach(() => vi.unstubAllEnvs());

describe("the environment determines the cache folder", () => {
  it("COXSWAIN_CACHE, XDG_CACHE_HOME if it is absolute, the home folder", () => {
    vi.stubEnv("HOME", "/home/ada");
    expect(defaultCacheFolder({ COXSWAIN_CACHE: "/data/cache", XDG_CACHE_HOME: "/xdg" })).toBe("/data/cache");
    expect(defaultCacheFolder({ COXSWAIN_CACHE: "cache" })).toBe(join(process.cwd(), "cache"));
    expect(defaultCacheFolder({ COXSWAIN_CACHE: "", XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/coxswain");
    expect(defaultCacheFolder({ XDG_CACHE_HOME: "relative" })).toBe("/home/ada/.cache/coxswain");
    expect(huggingFaceCacheFolder({})).toBe("/home/ada/.cache/huggingface/hub");
  });

  it("a user without a home folder gets an error only if it is needed, and nothing is written to the working folder", async () => {
    vi.stubEnv("HOME", "");
    vi.stubEnv("XDG_CACHE_HOME", "");
    vi.stubEnv("COXSWAIN_CACHE", "");
    expect(cacheFolderIfAny({})).toBeUndefined();
    expect(huggingFaceCacheFolder({})).toBeUndefined();
    expect((await modelManifest(golden("qwen2/model"))).hash).toMatch(/^[0-9a-f]{64}$/);
    const trouble = (() => {
      try {
        return defaultCacheFolder({});
      } catch (error) {
        return error as CoxswainError;
      }
    })();
    expect(trouble).toBeInstanceOf(CoxswainError);
    expect(trouble).toMatchObject({ code: "storage", hint: "Set COXSWAIN_CACHE to a writable folder." });
  });
});

describe("a cache that cannot be used is named, not the model", () => {
  const check = async (named: string): Promise<CoxswainError> => {
    vi.stubEnv("COXSWAIN_CACHE", named);
    return expectTrouble(checkNamedCache(), "storage");
  };

  it.each([
    ["a file", "file", "is not a folder"],
    ["below a file", "file/sub/sub", "is not a folder"],
    ["a circle of links", "circle", "its symbolic links form a loop"],
    ["a name that is too long", "x".repeat(300), "the name is too long"],
  ])("%s", async (_what, name, why) => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    symlinkSync("circle", join(folder, "circle"));
    const { message, hint } = await check(join(folder, name));
    expect(message).toBe(`the cache ${join(folder, name)} (COXSWAIN_CACHE) cannot be used: ${why}`);
    expect(hint).toBe("Set COXSWAIN_CACHE to a writable folder.");
  });

  it.runIf(process.platform === "linux")("below /proc, where Node's own mkdir never returns", async () => {
    for (const place of ["/proc/coxswain", "/proc/coxswain/cache"]) {
      expect((await check(place)).message).toBe(
        `the cache ${place} (COXSWAIN_CACHE) cannot be used: no folder can be created there`,
      );
      await expect(makeFolders(place)).rejects.toMatchObject({ code: "ENOENT" });
      expect(() => makeFoldersSync(place)).toThrow("ENOENT");
    }
  });

  it("a missing one is created", async () => {
    const folder = join(temporaryFolder(), "a", "b");
    vi.stubEnv("COXSWAIN_CACHE", folder);
    await checkNamedCache();
    expect(statSync(folder).isDirectory()).toBe(true);
    expect(makeFoldersSync(join(folder, "c", "d"))).toBe(join(folder, "c"));
    expect(await makeFolders(join(folder, "c", "d"))).toBeUndefined();
  });

  it("a full disk, by the file and what to do", async () => {
    const cacheDir = temporaryFolder();
    const full = Object.assign(new Error("ENOSPC"), { code: "ENOSPC", path: join(cacheDir, "models", "x") });
    const { message, hint } = await expectTrouble(
      inCache(cacheDir, join(cacheDir, "models"), () => Promise.reject(full)),
      "storage",
    );
    expect(message).toBe(`the cache ${cacheDir} cannot be used: ${join("models", "x")}: no space left on the disk`);
    expect(hint).toBe("Free some space there, or set COXSWAIN_CACHE to a writable folder.");
  });

  it("unrelated errors are unchanged", async () => {
    const cacheDir = temporaryFolder();
    const network = new CoxswainError("network", "no connection");
    await expect(inCache(cacheDir, cacheDir, () => Promise.reject(network))).rejects.toBe(network);
    const elsewhere = Object.assign(new Error("EACCES"), { code: "EACCES", path: join(dirname(cacheDir), "weights") });
    await expect(inCache(cacheDir, cacheDir, () => Promise.reject(elsewhere))).rejects.toBe(elsewhere);
  });

  it("only the hash cache is skipped", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    const options = { cacheDir: join(folder, "file"), now: () => Date.now() + 10_000 };
    expect((await modelManifest(golden("qwen2/model"), options)).hash).toMatch(/^[0-9a-f]{64}$/);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  it.skipIf(process.getuid?.() === 0)("without permission", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "closed"));
    chmodSync(join(folder, "closed"), 0o500);
    expect((await check(join(folder, "closed", "cache"))).message).toContain("permission denied");
  });
});
