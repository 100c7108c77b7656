/** The rules that an image is judged by where it is to run: by hadolint, where that is there, and by what it cannot see. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readDockerfile, settingsOf } from "../../support/containers/dockerfile.js";
import { projectFolder } from "../../support/processes.js";

const path = join(projectFolder, "deploy", "docker", "Dockerfile");
const { defaults, stages } = readDockerfile(path);
const last = stages.at(-1)!;
const settings = settingsOf(last);

const hadolint = join(homedir(), ".cache", "coxswain", "hadolint", "hadolint");
const skipped = existsSync(hadolint) ? "" : " (skipped: no hadolint; get it with `node scripts/install-hadolint.mjs`)";

it.skipIf(skipped !== "")(`hadolint finds nothing${skipped}`, () => {
  const { status, stdout } = spawnSync(hadolint, ["--failure-threshold", "style", path], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

describe("the image", () => {
  it("is run by a user with a number, and not by root", () => {
    const [user, group] = settings.user.split(":").map(Number);
    expect(user).toBeGreaterThan(0);
    expect(group).toBeGreaterThan(0);
  });

  it("needs no shell: every command is a list of words", () => {
    for (const words of [settings.entrypoint, settings.command, settings.healthCheck])
      expect(words.length).toBeGreaterThan(0);
    expect(last.steps.map(({ keyword }) => keyword)).not.toContain("RUN");
  });

  it("keeps what it writes in /tmp and /cache", () => {
    const { HOME, COXSWAIN_CACHE, HF_HOME } = settings.environment;
    expect(HOME).toBe("/tmp");
    for (const folder of [COXSWAIN_CACHE, HF_HOME]) expect(folder).toMatch(/^\/cache\//);
  });

  it("has what is asked of a label", () => {
    const labels = last.steps.find(({ keyword }) => keyword === "LABEL")!.properties;
    const names = ["title", "description", "licenses", "version", "revision", "base.name"];
    expect(Object.keys(labels)).toEqual(names.map((name) => `org.opencontainers.image.${name}`));
  });

  it("is based on CPU or CUDA by an argument, and never on a moving tag", () => {
    expect(last.base).toBe("${RUNTIME_IMAGE}");
    for (const image of Object.values(defaults)) expect(image).toMatch(/^[a-z/]+:(?!latest)[\w.-]+$/);
    const arguments_ = stages.flatMap(({ steps }) => steps.filter(({ keyword }) => keyword === "ARG"));
    expect(arguments_.some(({ properties }) => properties["ACCELERATOR"] === "cpu")).toBe(true);
  });

  it("has no packages for development", () => {
    const installs = stages.find(({ name }) => name === "app")!.steps.filter(({ text }) => text.includes("npm ci"));
    expect(installs).toHaveLength(1);
    expect(installs[0]!.text).toContain("--omit=dev");
  });
});

describe("what is copied from the repository", () => {
  const sources = stages.flatMap(({ steps }) =>
    steps
      .filter(({ keyword, from }) => keyword === "COPY" && from === null)
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1)),
  );

  it.each(sources)("%s is there", (source) => expect(existsSync(join(projectFolder, source))).toBe(true));

  it.each(sources)("%s is not kept out by .dockerignore, which keeps out what nobody asks for", (source) => {
    const lines = readFileSync(join(projectFolder, ".dockerignore"), "utf8").split("\n");
    const patterns = lines.filter((line) => line !== "" && !line.startsWith("#"));
    expect(patterns[0]).toBe("*");
    expect(patterns).toContain(`!${source}`);
  });
});

it("nothing but what is copied is sent to the builder", () => {
  const lines = readFileSync(join(projectFolder, ".dockerignore"), "utf8").split("\n");
  const admitted = lines.flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
  const copied = stages.flatMap(({ steps }) =>
    steps.filter(({ keyword }) => keyword === "COPY").map(({ text }) => text),
  );
  for (const path of admitted)
    expect(
      copied.some((text) => text.split(/\s+/).includes(path)),
      path,
    ).toBe(true);
});
