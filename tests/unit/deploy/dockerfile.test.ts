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

it.skipIf(skipped !== "")(`passes hadolint${skipped}`, () => {
  const { status, stdout } = spawnSync(hadolint, ["--failure-threshold", "style", path], { encoding: "utf8" });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});

describe("the image", () => {
  it("runs as a numeric non-root user", () => {
    const [user, group] = settings.user.split(":").map(Number);
    expect(user).toBeGreaterThan(0);
    expect(group).toBeGreaterThan(0);
  });

  it("uses the exec form for every command", () => {
    for (const words of [settings.entrypoint, settings.command, settings.healthCheck])
      expect(words.length).toBeGreaterThan(0);
    expect(last.steps.map(({ keyword }) => keyword)).not.toContain("RUN");
  });

  it("writes only to /tmp and /cache", () => {
    const { HOME, COXSWAIN_CACHE, HF_HOME } = settings.environment;
    expect(HOME).toBe("/tmp");
    for (const folder of [COXSWAIN_CACHE, HF_HOME]) expect(folder).toMatch(/^\/cache\//);
  });

  it("has the required labels", () => {
    const labels = last.steps.find(({ keyword }) => keyword === "LABEL")!.properties;
    const names = ["title", "description", "licenses", "version", "revision", "base.name"];
    expect(Object.keys(labels)).toEqual(names.map((name) => `org.opencontainers.image.${name}`));
  });

  it("selects CPU or CUDA by a build argument, with pinned base images", () => {
    expect(last.base).toBe("${RUNTIME_IMAGE}");
    for (const image of Object.values(defaults)) expect(image).toMatch(/^[a-z/]+:(?!latest)[\w.-]+$/);
    const arguments_ = stages.flatMap(({ steps }) => steps.filter(({ keyword }) => keyword === "ARG"));
    expect(arguments_.some(({ properties }) => properties["ACCELERATOR"] === "cpu")).toBe(true);
  });

  it("contains no development packages", () => {
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

  it.each(sources)("%s exists", (source) => expect(existsSync(join(projectFolder, source))).toBe(true));

  it.each(sources)("%s is not excluded by .dockerignore", (source) => {
    const lines = readFileSync(join(projectFolder, ".dockerignore"), "utf8").split("\n");
    const patterns = lines.filter((line) => line !== "" && !line.startsWith("#"));
    expect(patterns[0]).toBe("*");
    expect(patterns).toContain(`!${source}`);
  });
});

it("sends only the copied files to the builder", () => {
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
