/** A data set of the hub becomes local files, in the cache that Python shares. */
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { datasetFiles, type DatasetFilesOptions, type DatasetName } from "../../../src/hub/index.js";
import { FakeHub } from "../../support/hub/hub.js";
import { HttpProxy } from "../../support/http-proxy.js";
import { expectTrouble, temporaryFolder } from "../model/helpers.js";

const id = "org/chats";
const lines = (count: number, mark: string): string =>
  Array.from({ length: count }, (_, index) => JSON.stringify({ text: `${mark} ${index}` })).join("\n");
/** The second one is large enough to be served by the CDN. */
const files = {
  "README.md": "# Chats",
  ".gitattributes": "",
  "data/train-00000-of-00002.jsonl": lines(3, "a"),
  "data/train-00001-of-00002.jsonl": lines(20_000, "b"),
  "data/test-00000-of-00001.jsonl": lines(2, "t"),
};
const large = Buffer.from(files["data/train-00001-of-00002.jsonl"]);

/** A hub, empty caches, and no waiting. */
async function setUp() {
  const hub = await FakeHub.start();
  onTestFinished(() => hub.close());
  const repository = hub.add("dataset", id, files);
  const home = temporaryFolder();
  const notes: string[] = [];
  const progress: string[] = [];
  const get = (name: Partial<DatasetName> = {}, { environment, ...options }: DatasetFilesOptions = {}) =>
    datasetFiles(
      { dataset: id, ...name },
      {
        environment: { HF_ENDPOINT: hub.url, HF_HOME: home, ...environment },
        wait: () => Promise.resolve(),
        onNote: (text) => notes.push(text),
        onProgress: (text) => progress.push(text),
        ...options,
      },
    );
  const offline = { environment: { HF_HUB_OFFLINE: "1" } };
  return {
    hub,
    repository,
    home,
    notes,
    progress,
    get,
    offline,
    cache: join(home, "hub", "datasets--org--chats"),
  };
}

const contents = (paths: readonly string[]): string[] => paths.map((path) => readFileSync(path, "utf8"));

describe("a split of a data set", () => {
  it("is its files in order, with the commit and what decided which they are", async () => {
    const { repository, get, notes, progress } = await setUp();
    const found = await get();
    expect(contents(found.files)).toEqual([files["data/train-00000-of-00002.jsonl"], large.toString()]);
    expect(found).toMatchObject({
      names: ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"],
      commit: repository.branches.get("main"),
      by: "file names",
      config: "default",
      split: "train",
    });
    expect(notes).toEqual([`org/chats: the split train is 2 files at ${found.commit.slice(0, 7)} (by file names)`]);
    expect(progress[0]).toMatch(/^looking up org\/chats on 127\.0\.0\.1/);
    expect(progress.at(-1)).toBe("downloading org/chats: 100 % of 0.4 MB");
    expect(contents((await get({ split: "test" })).files)).toEqual([files["data/test-00000-of-00001.jsonl"]]);
  });

  it("is found in a list of many pages, with names that a URL must escape", async () => {
    const { hub, get } = await setUp();
    hub.pageSize = 2;
    hub.add("dataset", "org/many", {
      "a b.jsonl": "1",
      "c#d.jsonl": "2",
      "e?f%20.jsonl": "3",
      "ü/g+h.jsonl": "4",
      "z.jsonl": "5",
    });
    expect(contents((await get({ dataset: "org/many" })).files)).toEqual(["1", "2", "3", "5", "4"]);
  });

  it("is at the revision that is asked for: a branch, a tag, a commit, or after @", async () => {
    const { hub, repository, get } = await setUp();
    const old = repository.branches.get("main");
    hub.commit(repository, "main", { "train.jsonl": "new" });
    repository.branches.set("v1", old ?? "");
    expect((await get()).commit).not.toBe(old);
    expect((await get({ revision: "v1" })).commit).toBe(old);
    expect((await get({ revision: old })).commit).toBe(old);
    expect((await get({ dataset: `${id}@v1` })).commit).toBe(old);
  });

  it("of a renamed data set, or one without an owner, is found under its old name", async () => {
    const { hub, get } = await setUp();
    hub.add("dataset", "squad", {}).movedTo = id;
    expect((await get({ dataset: "squad" })).names).toHaveLength(2);
  });

  it("is read by README.md's configurations", async () => {
    const { hub, get } = await setUp();
    const card = "---\nconfigs:\n- config_name: en\n  data_files:\n  - split: train\n    path: x/*.jsonl\n---\n";
    hub.add("dataset", "org/carded", { "README.md": card, "x/1.jsonl": "1", "train.jsonl": "2" });
    expect(await get({ dataset: "org/carded" })).toMatchObject({ names: ["x/1.jsonl"], config: "en", by: "README.md" });
  });

  it("that cannot be read as it is, is read from the hub's conversion to Parquet", async () => {
    const { hub, get, notes } = await setUp();
    const scripted = hub.add("dataset", "org/scripted", { "scripted.py": "", "data.zip": "" });
    const trouble = await expectTrouble(get({ dataset: "org/scripted" }), "data");
    expect(trouble.message).toBe("org/scripted cannot be read: it is read by a script, scripted.py");
    const commit = hub.commit(scripted, "refs/convert/parquet", { "default/train/0000.parquet": "PAR1" });
    const found = await get({ dataset: "org/scripted" });
    expect(found).toMatchObject({ commit, by: "refs/convert/parquet", names: ["default/train/0000.parquet"] });
    expect(notes.at(-1)).toContain("(by the hub's conversion to Parquet)");
    // A run that goes on reads the same commit, of the conversion.
    hub.commit(scripted, "refs/convert/parquet", { "default/train/0000.parquet": "PAR1 new" });
    expect((await get({ dataset: "org/scripted" }, { pinned: found })).files).toEqual(found.files);
  });
});

describe("the cache", () => {
  it("has the layout of Python's: blobs by hash, links in snapshots, commits in refs", async () => {
    const { repository, get, cache } = await setUp();
    const { files: paths, commit } = await get();
    expect(readFileSync(join(cache, "refs", "main"), "utf8")).toBe(repository.branches.get("main"));
    expect(paths[0]).toBe(join(cache, "snapshots", commit, "data", "train-00000-of-00002.jsonl"));
    for (const path of paths) {
      expect(lstatSync(path).isSymbolicLink()).toBe(true);
      expect(realpathSync(path)).toContain(realpathSync(join(cache, "blobs")));
    }
    expect(readdirSync(join(cache, "blobs")).filter((name) => !/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(name))).toEqual([]);
  });

  it("has the hub's list of files as huggingface_hub 2 keeps it", async () => {
    const { get, cache } = await setUp();
    const { commit } = await get();
    const list = JSON.parse(readFileSync(join(cache, "trees", `${commit}.json`), "utf8")) as {
      format_version: number;
      files: Record<string, object>;
    };
    expect(list.format_version).toBe(1);
    expect(Object.keys(list.files).sort()).toEqual(Object.keys(files).sort());
    const hash = createHash("sha256").update(large).digest("hex");
    expect(list.files["data/train-00001-of-00002.jsonl"]).toEqual({
      size: large.length,
      blob_id: createHash("sha1").update(`blob ${large.length}\0`).update(large).digest("hex"),
      lfs_sha256: hash,
      lfs_size: large.length,
      xet_hash: hash,
    });
  });

  it("is used without fetching a file again, and offline without asking", async () => {
    const { hub, get, offline } = await setUp();
    const first = await get();
    hub.requests.length = 0;
    expect((await get()).files).toEqual(first.files);
    expect(hub.requests).toEqual([`GET /api/datasets/${id}/revision/main`]);
    hub.requests.length = 0;
    expect((await get({}, offline)).files).toEqual(first.files);
    expect((await get({ revision: first.commit }, offline)).files).toEqual(first.files);
    expect(hub.requests).toEqual([]);
  });

  it("that Python filled is used offline, with a note that it may lack files", async () => {
    const { cache, get, notes, offline } = await setUp();
    const commit = "0123456789abcdef0123456789abcdef01234567";
    mkdirSync(join(cache, "snapshots", commit, "data"), { recursive: true });
    mkdirSync(join(cache, "refs"));
    writeFileSync(join(cache, "refs", "main"), commit);
    writeFileSync(join(cache, "snapshots", commit, "data", "train-00000-of-00002.jsonl"), "{}");
    expect((await get({}, offline)).names).toEqual(["data/train-00000-of-00002.jsonl"]);
    expect(notes[0]).toBe(
      "org/chats: whether the cache has all of its files is not known, since HF_HUB_OFFLINE is set",
    );
    expect(notes[1]).toBe("org/chats has only 1 of the 2 files data/train-…-of-00002");
  });

  it("stands in when the hub cannot be reached, with a note", async () => {
    const { hub, get, notes } = await setUp();
    const first = await get();
    await hub.close();
    expect((await get()).files).toEqual(first.files);
    expect(notes.at(-1)).toMatch(/^cannot fetch org\/chats from 127\S+: \S+: org\/chats is read from the cache/);
  });

  it("shares a file's content between commits", async () => {
    const { hub, repository, get } = await setUp();
    await get();
    hub.commit(repository, "main", { ...files, "README.md": "# Chats, corrected" });
    const sent = hub.bytesSent;
    await get();
    expect(hub.bytesSent).toBe(sent);
  });

  it("that is a file gives an error that names the variables which move it", async () => {
    const { home, get } = await setUp();
    writeFileSync(join(home, "hub"), "");
    const trouble = await expectTrouble(get(), "storage");
    expect(trouble.message).toContain(join(home, "hub"));
    expect(trouble.hint).toContain("HF_HUB_CACHE");
  });
});

describe("a resumed run reads the commit with which it started", () => {
  it("and says that the branch has moved", async () => {
    const { hub, repository, get, notes } = await setUp();
    const started = await get();
    hub.commit(repository, "main", { "train.jsonl": "new" });
    notes.length = 0;
    const resumed = await get({}, { pinned: { commit: started.commit, by: started.by } });
    expect(resumed.files).toEqual(started.files);
    expect(notes[0]).toMatch(
      /^org\/chats: main has moved to [0-9a-f]{7}; the run continues with [0-9a-f]{7}, with which/,
    );
  });

  it("also offline, where the cache has a newer one", async () => {
    const { hub, repository, get, offline } = await setUp();
    const started = await get();
    hub.commit(repository, "main", { "train.jsonl": "new" });
    await get();
    expect((await get({}, { ...offline, pinned: started })).commit).toBe(started.commit);
  });
});

describe("a download that breaks off", () => {
  it("is resumed at the byte where it broke", async () => {
    const { hub, get } = await setUp();
    hub.troubles.breakAfter.push(100_000, 50_000);
    expect(contents((await get()).files)[1]).toBe(large.toString());
    expect(hub.bytesSent).toBe(large.length);
    expect(hub.requests.filter((request) => request.startsWith("CDN"))).toEqual([
      expect.stringMatching(/^CDN GET \/objects\/\S+$/),
      expect.stringMatching(/bytes=100000-\d+$/),
      expect.stringMatching(/bytes=150000-\d+$/),
    ]);
  });

  it("for good, is resumed by the next start", async () => {
    const { hub, get, progress } = await setUp();
    hub.troubles.breakAfter.push(100_000, 0, 0, 0, 0);
    const trouble = await expectTrouble(get(), "network");
    expect(trouble.message).toMatch(/^cannot fetch org\/chats from 127/);
    progress.length = 0;
    expect(contents((await get()).files)[1]).toBe(large.toString());
    expect(hub.bytesSent).toBe(large.length);
    expect(progress[1]).toMatch(/^downloading org\/chats: 2\d %/);
  });

  it("when it is aborted, is resumed by the next start", async () => {
    const { hub, get } = await setUp();
    hub.troubles.stallAfter = 100_000;
    const aborting = new AbortController();
    const onProgress = (text: string): void => {
      if (/: 2\d %/.test(text)) aborting.abort();
    };
    const ended = expectTrouble(get({}, { signal: aborting.signal, onProgress }), "interrupted");
    expect((await ended).message).toBe("the download of org/chats was aborted");
    delete hub.troubles.stallAfter;
    const before = hub.bytesSent;
    expect(contents((await get()).files)[1]).toBe(large.toString());
    expect(hub.bytesSent - before).toBeLessThan(large.length);
  });

  it("starts again where what was kept is damaged, or the server ignores ranges", async () => {
    const { hub, get, cache } = await setUp();
    for (const noRanges of [false, true]) {
      rmSync(cache, { recursive: true, force: true });
      hub.troubles.breakAfter.push(100_000, 0, 0, 0, 0);
      await expectTrouble(get(), "network");
      const [partial] = readdirSync(join(cache, "blobs")).filter((name) => name.endsWith(".partial"));
      if (!noRanges) writeFileSync(join(cache, "blobs", partial!), Buffer.alloc(5000));
      hub.troubles.noRanges = noRanges;
      expect(contents((await get()).files)[1]).toBe(large.toString());
      expect(existsSync(join(cache, "blobs", partial!))).toBe(false);
    }
  });

  it("by several processes concurrently gives each the same files", async () => {
    const { get, cache } = await setUp();
    const found = await Promise.all([get(), get(), get()]);
    expect(new Set(found.map(({ files: paths }) => paths.join())).size).toBe(1);
    expect(readdirSync(join(cache, "blobs")).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

describe("what the hub may know", () => {
  it("HF_TOKEN goes to the hub and not to its CDN", async () => {
    const { hub, get } = await setUp();
    await get({}, { environment: { HF_ENDPOINT: hub.url, HF_HOME: temporaryFolder(), HF_TOKEN: "hf_secret" } });
    expect([[...hub.tokens], [...hub.cdnTokens]]).toEqual([["hf_secret"], []]);
  });

  it("the token that `hf auth login` stored is used where HF_TOKEN is not set", async () => {
    const { hub, home, get } = await setUp();
    writeFileSync(join(home, "token"), "hf_stored\n");
    await get();
    expect([...hub.tokens]).toEqual(["hf_stored"]);
  });

  it("a proxy is used for the hub and its CDN", async () => {
    const { hub, get } = await setUp();
    const proxy = await HttpProxy.start();
    onTestFinished(() => proxy.close());
    const { port } = new URL(hub.url);
    const found = await get(
      {},
      {
        environment: {
          HF_ENDPOINT: `http://hub.test:${port}`,
          HF_HOME: temporaryFolder(),
          http_proxy: `http://127.0.0.1:${proxy.port}`,
        },
      },
    );
    expect(contents(found.files)[1]).toBe(large.toString());
    expect(new Set(proxy.asked)).toEqual(new Set([`hub.test:${port}`]));
  });
});

describe("a data set that cannot be had: what, where and what to do", () => {
  it.each([
    [{ dataset: "org/none" }, "data", /has no data set org\/none, or does not show it \(401\)/, /set HF_TOKEN/],
    [{ revision: "v9" }, "data", /org\/chats has no revision v9/, /branch, a tag or a commit/],
    [{ revision: "0".repeat(40) }, "data", /org\/chats has no revision 0{40}/, /branch, a tag or a commit/],
    [{ split: "dev" }, "data", /^org\/chats has no split "dev"\. It has: test, train$/, /split: test/],
    [{ config: "en" }, "data", /^org\/chats has no configuration "en"\. It has: default$/, /config/],
    [
      { dataset: "https://hf.co/datasets/org/chats" },
      "data",
      /is not the name of a data set/,
      /only its name: \{dataset: org\/chats\}/,
    ],
    [{ dataset: "a/b/c" }, "data", /is not the name of a data set/, /owner\/name/],
    [{ dataset: "a/../b" }, "data", /is not the name of a data set/, /owner\/name/],
    [{ revision: "../../etc" }, "data", /"\.\.\/\.\.\/etc" is not the name of a revision/, /branch, a tag or a commit/],
  ] as const)("%j", async (name, code, message, hint) => {
    const { get } = await setUp();
    const trouble = await expectTrouble(get(name), code);
    expect(trouble.message).toMatch(message);
    expect(trouble.hint).toMatch(hint);
  });

  it("one without data files", async () => {
    const { hub, get } = await setUp();
    hub.add("dataset", "org/empty", { "README.md": "" });
    expect((await expectTrouble(get({ dataset: "org/empty" }), "data")).message).toBe(
      "org/empty cannot be read: it has no data files",
    );
  });

  it("one whose terms must be accepted: where, and with which token", async () => {
    const { hub, repository, get } = await setUp();
    repository.access = "gated";
    const without = await expectTrouble(get(), "data");
    expect(without.message).toContain("org/chats is gated: its owner gives access (401)");
    expect(without.hint).toContain(`Accept its terms at ${hub.url}/datasets/org/chats, and set HF_TOKEN`);
    const environment = { HF_TOKEN: "hf_other" };
    expect((await expectTrouble(get({}, { environment }), "data")).hint).toContain("with the account of HF_TOKEN");
  });

  it("one that is not in the cache, offline", async () => {
    const { get, offline } = await setUp();
    const trouble = await expectTrouble(get({}, offline), "data");
    expect(trouble.message).toBe("org/chats is not in the cache of this machine, and HF_HUB_OFFLINE is set");
    expect(trouble.hint).toContain("hf download org/chats --repo-type dataset");
    await get();
    expect((await expectTrouble(get({ split: "test" }, offline), "data")).message).toBe(
      "data/test-00000-of-00001.jsonl of org/chats is not in the cache of this machine, and HF_HUB_OFFLINE is set",
    );
  });

  it("one that arrives damaged", async () => {
    const { hub, get } = await setUp();
    for (const [hash, bytes] of hub.objects) hub.objects.set(hash, Buffer.from(bytes).fill(1));
    expect((await expectTrouble(get(), "network")).message).toMatch(
      /train-00001-of-00002\.jsonl of org\/chats arrived damaged/,
    );
  });

  it("a hub that does not answer", async () => {
    const { hub, get } = await setUp();
    hub.troubles.statuses.push([/revision/, 503]);
    expect((await expectTrouble(get(), "network")).message).toMatch(/answered 503 for org\/chats/);
  });
});
