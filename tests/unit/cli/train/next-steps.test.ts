import { describe, expect, it } from "vitest";
import { programName, resumeCommand, shortPath, useCommands } from "../../../../src/cli/train/next-steps.js";

describe("the printed next command can be typed", () => {
  const clone = "/home/ann/coxswain/";
  const global = "/usr/local/lib/node_modules/coxswain/";
  it.each([
    ["npx coxswain", "in a clone", clone, `${clone}dist/cli/main.js`, "/home/ann/coxswain"],
    [
      "npx coxswain",
      "in a folder of a clone",
      clone,
      `${clone}dist/cli/main.js`,
      "/home/ann/coxswain/examples/quickstart",
    ],
    [
      "npx coxswain",
      "in a project with the package",
      "/p/node_modules/coxswain/",
      "/p/node_modules/.bin/coxswain",
      "/p/runs",
    ],
    [
      "npx coxswain",
      "fetched by npx",
      "/home/ann/.npm/_npx/0a1b/node_modules/coxswain/",
      "/x/.bin/coxswain",
      "/home/ann/work",
    ],
    ["coxswain", "installed globally", global, "/usr/local/bin/coxswain", "/home/ann/work"],
    ["coxswain", "installed globally on Windows", global, `${global}dist/cli/main.js`, "/home/ann/work"],
    ["coxswain", "linked to a clone", clone, "/usr/local/bin/coxswain", "/home/ann/work"],
    [
      "node /home/ann/coxswain/dist/cli/main.js",
      "a clone's, from elsewhere",
      clone,
      `${clone}dist/cli/main.js`,
      "/home/ann/work",
    ],
    ["node coxswain/dist/cli/main.js", "a clone's, from above", clone, `${clone}dist/cli/main.js`, "/home/ann"],
    [
      "node /home/ann/coxswain/dist/cli/main.js",
      "from a folder with a similar name",
      clone,
      `${clone}dist/cli/main.js`,
      "/home/ann/coxswain-runs",
    ],
  ])("%s: %s", (name, _, packageFolder, script, workingFolder) => {
    expect(programName({ packageFolder, script, workingFolder })).toBe(name);
  });

  it("a path is relative within the working folder, and absolute elsewhere", () => {
    expect(shortPath("/w/runs/a", "/w")).toBe("runs/a");
    expect(shortPath("/w", "/w")).toBe(".");
    expect(shortPath("/elsewhere/a", "/w")).toBe("/elsewhere/a");
    expect(shortPath("/w..x/a", "/w")).toBe("/w..x/a");
    expect(shortPath("runs/a", "/w")).toBe("runs/a");
    expect(shortPath("HuggingFaceTB/SmolLM2-135M", "/w")).toBe("HuggingFaceTB/SmolLM2-135M");
  });

  it("the adapter's commands name the adapter, which names its model, quoted if a shell needs it", () => {
    expect(useCommands("npx coxswain", "/w/my runs/it's/adapter", "/w")).toEqual([
      `npx coxswain generate --adapter 'my runs/it'\\''s/adapter' --prompt "…"`,
      `npx coxswain merge --adapter 'my runs/it'\\''s/adapter' --output merged`,
    ]);
  });
});

describe("the printed command resumes a stopped run", () => {
  const run = { command: "train", file: "run.yaml", sets: [], insecure: false };

  it("with the original settings, without which it would be refused", () => {
    expect(resumeCommand("coxswain", run, "/w")).toBe("coxswain train run.yaml --resume");
    const sets = [
      "training.learning_rate=1e-4",
      "data.train=[a, b]",
      { flag: "--workers", key: "workers", value: "3" },
    ];
    expect(resumeCommand("coxswain", { ...run, file: "/w/a/run.yaml", sets, insecure: true }, "/w")).toBe(
      "coxswain train a/run.yaml --resume --insecure --set training.learning_rate=1e-4 --set 'data.train=[a, b]' --workers 3",
    );
  });

  it("but not with its token", () => {
    for (const setting of ["cluster.token=s3cret", "cluster.token = s3cret", "cluster={token: s3cret}"]) {
      const command = resumeCommand("coxswain", { ...run, sets: [setting] }, "/w");
      expect(command).toMatch(/^coxswain train run\.yaml --resume --set '?cluster(\.token)? ?=…'?$/);
    }
  });
});
