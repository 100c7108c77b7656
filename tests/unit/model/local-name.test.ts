/** Without this, a misspelt run is looked up on the hub, and the answer is about the network. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readAdapter, resolveModel } from "../../../src/model/index.js";
import { findAdapter } from "../../../src/library/find-adapter.js";
import { CoxswainError } from "../../../src/errors.js";
import { temporaryFolder } from "../../support/processes.js";

const before = process.cwd();
let folder = "";

beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(join(folder, "runs/quickstart"), { recursive: true });
  writeFileSync(join(folder, "runs/quickstart/events.jsonl"), "");
  mkdirSync(join(folder, "mine/first"), { recursive: true });
  writeFileSync(join(folder, "mine/first/adapter_config.json"), "{}");
  mkdirSync(join(folder, "meta-llama/Llama-2"), { recursive: true });
  writeFileSync(join(folder, "meta-llama/Llama-2/config.json"), "{}");
  process.chdir(folder);
});
afterEach(() => process.chdir(before));

const troubleOf = async (work: Promise<unknown>): Promise<CoxswainError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof CoxswainError) return error;
  throw new Error("it did not fail");
};

/** Fails if the hub is asked. */
const offHub = {
  environment: {},
  fetch: (): never => {
    throw new Error("the hub was asked");
  },
  wait: () => Promise.resolve(),
};

describe("a misspelt run is said to be missing, and the hub is not asked", () => {
  it.each(["runs/quickstrat", "runs/typo", "mine/other", "outputs/x", "checkpoints/step-000100", "runs/quickstart/x"])(
    "%s",
    async (name) => {
      const trouble = await troubleOf(resolveModel(name, { ...offHub, cacheDir: join(folder, "cache") }));
      expect(trouble.exitCode).toBe(4);
      expect(trouble.message).toMatch(/no such folder/);
      expect(trouble.hint).toMatch(/hub id/);
    },
  );

  it("suggests the one that is there", async () => {
    const hint = async (name: string): Promise<string | undefined> =>
      (await troubleOf(resolveModel(name, { ...offHub, cacheDir: join(folder, "cache") }))).hint;
    expect(await hint("runs/quickstrat")).toMatch(/^Did you mean runs\/quickstart\?/);
    expect(await hint("mine/other")).toMatch(/^In mine there are mine\/first\./);
  });

  it.each(["./runs/typo", "../typo", "/no/such/run", "runs/2026/typo"])(
    "where a run is asked for: %s",
    async (path) => {
      const trouble = await troubleOf(findAdapter(path));
      expect([trouble.exitCode, trouble.message]).toEqual([
        4,
        `${path}: no such folder: neither a run, nor an adapter, nor a model`,
      ]);
    },
  );

  it("where an adapter is asked for", async () => {
    const trouble = await troubleOf(readAdapter("runs/quickstrat"));
    expect([trouble.exitCode, trouble.message]).toEqual([4, "runs/quickstrat: no such adapter folder"]);
    expect(trouble.hint).toMatch(/Did you mean runs\/quickstart\?/);
  });
});

describe("a hub id is still looked up", () => {
  it.each(["meta-llama/Llama-3", "org/model", "runs/typo@main"])("%s", async (name) => {
    const trouble: unknown = await resolveModel(name, { ...offHub, cacheDir: join(folder, "cache") }).catch(
      (error: unknown) => error,
    );
    expect(String(trouble)).not.toMatch(/no such folder/);
  });
});

it("says that a run has not been started, rather than that it has no adapter", async () => {
  writeFileSync(join(folder, "run.yaml"), "model: ./m\noutput_dir: runs/new\ndata: {train: d.jsonl}\n");
  const trouble = await troubleOf(findAdapter("run.yaml"));
  expect(trouble.message).toMatch(/^run\.yaml: this run has not been started: there is no run in \S+runs\/new$/);
  expect(trouble.hint).toMatch(/^Train it first: `coxswain train run\.yaml`/);
});
