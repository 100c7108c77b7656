/** These tests protect: settings of NATS that are refused before a run starts, by key and without their secrets. */
import { describe, expect, it } from "vitest";
import { natsSettings } from "../../../src/cli/options/nats.js";
import { parseRun, runNameOf, runNameProblem, serializeRun } from "../../../src/config/index.js";
import { errorOf } from "../../support/errors.js";

const minimal = "model: m\noutput_dir: /runs/out\ndata: { train: t.jsonl }\n";
const withNats = (section: string): string => `${minimal}telemetry: { nats: { ${section} } }\n`;

describe("a run's name", () => {
  it("is the last part of output_dir by default", () => {
    expect(runNameOf(parseRun(withNats("url: 'nats://h'"), "run.yaml"))).toBe("out");
    expect(runNameOf(parseRun(withNats("url: 'nats://h', run: mine"), "run.yaml"))).toBe("mine");
    const dotted = parseRun(withNats("url: 'nats://h'").replace("/runs/out", "/runs/v1.2"), "run.yaml");
    expect(errorOf(() => runNameOf(dotted))).toMatchObject({
      message: expect.stringMatching(/^output_dir: .*"v1\.2" cannot be a run's name/) as unknown,
      hint: expect.stringMatching(/telemetry\.nats\.run/) as unknown,
    });
  });

  it.each(["a.b", "*", ">", "a b", "", "ü", "x".repeat(65)])("%j is rejected: it has a meaning in subjects", (name) => {
    expect(runNameProblem(name)).toMatch(/letters, digits/);
  });

  it.each(["a", "my-run_2", "x".repeat(64)])("%j is valid", (name) => expect(runNameProblem(name)).toBeUndefined());
});

describe("telemetry.nats", () => {
  it.each([
    ["run: a", "url: required, but missing"],
    [
      "url: 'http://h:4222'",
      'url: "http://h:4222" is not the URL of a NATS server: write nats://HOST:4222, or tls://HOST:4222',
    ],
    ["url: ['nats://h', 'h']", 'url: "h" is not the URL of a NATS server: write nats://HOST:4222, or tls://HOST:4222'],
    [
      "url: 'nats://h/path'",
      'url: "nats://h/path" has more than a host and a port: write nats://HOST:4222, or tls://HOST:4222',
    ],
    ["url: 'nats://h', user: u", "user: user without password: servers require both"],
    ["url: 'nats://h', nkey: k, credentials: c", "nkey: conflicts with credentials: give only one way to authenticate"],
    ["url: 'nats://h', tls: { cert: c }", "tls: give both a certificate and its private key (cert, key)"],
    ["url: 'nats://h', run: a.b", /run: "a\.b" cannot be a run's name/],
    ["url: 'nats://h', advertise: 'a:b:c'", /advertise: "a:b:c" has more than one colon/],
  ])("{ %s } is rejected", (section, message) => {
    const told = errorOf(() => parseRun(withNats(section), "run.yaml")).message;
    if (typeof message === "string") expect(told).toBe(`run.yaml:4: telemetry.nats.${message}`);
    else expect(told).toMatch(message);
  });

  it("with a secret in the URL is rejected without showing it", () => {
    for (const url of ["nats://ann:hunter2@h", "nats//ann:hunter2@h"]) {
      const { message } = errorOf(() => parseRun(withNats(`url: '${url}'`), "run.yaml"));
      expect(message).not.toContain("hunter2");
    }
  });

  it("gets its secrets from the environment, and never writes them", () => {
    const environment = { COXSWAIN_NATS_PASSWORD: "hunter2" };
    const config = parseRun(withNats("url: 'nats://h', user: ann"), "run.yaml", [], environment);
    expect(config.telemetry.nats?.password).toBe("hunter2");
    const text = serializeRun(config);
    expect(text).not.toContain("hunter2");
    expect(text).toContain("# telemetry.nats.password is not stored here; set COXSWAIN_NATS_PASSWORD.");
    // A secret alone asks for nothing.
    expect(parseRun(minimal, "run.yaml", [], environment).telemetry.nats).toBeNull();
  });
});

describe("flags", () => {
  it("give the same settings, with secrets from the environment", async () => {
    const flags = { nats: "nats://a:1, nats://b:2", natsUser: "ann", natsCa: "ca.pem" };
    expect(await natsSettings(flags, { COXSWAIN_NATS_PASSWORD: "hunter2", COXSWAIN_NATS_TOKEN: "" })).toEqual({
      url: ["nats://a:1", "nats://b:2"],
      credentials: null,
      nkey: null,
      user: "ann",
      password: "hunter2",
      token: null,
      tls: { ca: "ca.pem", cert: null, key: null },
    });
  });

  it("are named in errors", async () => {
    await expect(natsSettings({}, {})).rejects.toThrow("no NATS server is given");
    await expect(natsSettings({ nats: "h" }, {})).rejects.toThrow('--nats: "h" is not the URL of a NATS server');
    await expect(natsSettings({ nats: "nats://h", natsCert: "c" }, {})).rejects.toThrow(
      "--nats-cert: give both a certificate and",
    );
  });
});
