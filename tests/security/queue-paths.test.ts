/** What a submitter of runs could read, write and open on the machine that executes them, without these. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultAddresses, parseRun, serializeRun } from "../../src/config/index.js";
import { admit } from "../../src/queue/admission.js";
import { leadsInside, openRoots, type Roots } from "../../src/queue/roots.js";
import { toldError } from "../../src/queue/told-error.js";
import { errorOf } from "../support/errors.js";
import { temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
for (const name of ["data", "models/m", "out", "secret", "data/chats", "out/earlier/adapter"])
  mkdirSync(join(folder, name), { recursive: true });
writeFileSync(join(folder, "data/train.jsonl"), "");
writeFileSync(join(folder, "data/chats/one.jsonl"), "");
writeFileSync(join(folder, "secret/key.jsonl"), "HF_TOKEN=hf_secret");
const roots: Roots = openRoots({
  data: [join(folder, "data")],
  model: [join(folder, "models")],
  output: [join(folder, "out")],
});

const settings = {
  url: ["nats://queue"],
  credentials: null,
  nkey: null,
  user: null,
  password: null,
  token: null,
  tls: null,
};

interface Asked {
  readonly model?: string;
  readonly output?: string;
  readonly data?: string;
  readonly more?: string;
}

function admitted(
  { model = "/models/m", output = "/out/x", data = "{ train: /data/train.jsonl }", more = "" }: Asked,
  sets: readonly string[] = [],
) {
  const here = (text: string): string => text.replace(/(?<=^|[\s:[])\/(data|models|out|secret)/g, `${folder}/$1`);
  const text = `model: ${here(model)}\noutput_dir: ${here(output)}\ndata: ${here(data)}\n${here(more)}\n`;
  const submission = {
    id: "1",
    run: "r",
    submitted_at: "2026-01-01T00:00:00.000Z",
    submitted_by: "eve@elsewhere",
    settings: text,
  };
  return admit(submission, {
    settings,
    sets,
    roots,
    environment: { COXSWAIN_TOKEN: "of-the-server-0123" },
    host: "here",
  });
}

const refusal = (asked: Asked) => {
  const { code, message, hint } = errorOf(() => admitted(asked));
  expect(code).toBe("config");
  return `${message} ${hint ?? ""}`;
};

symlinkSync(join(folder, "secret"), join(folder, "data/link"));
symlinkSync(join(folder, "secret/key.jsonl"), join(folder, "data/linked.jsonl"));
symlinkSync(join(folder, "data/train.jsonl"), join(folder, "data/chats/inner.jsonl"));
mkdirSync(join(folder, "data/poisoned/deep"), { recursive: true });
symlinkSync("/proc/self/environ", join(folder, "data/poisoned/deep/a.jsonl"));
symlinkSync("/tmp", join(folder, "out/away"));
symlinkSync(join(folder, "gone/file"), join(folder, "out/dangling"));
mkdirSync(join(folder, "models/linked"));
symlinkSync("/dev/zero", join(folder, "models/linked/config.json"));
mkdirSync(join(folder, "out/planted"));
symlinkSync("/etc", join(folder, "out/planted/checkpoints"));

describe("a submitted run reads nothing outside the server's roots", () => {
  it.each<[string, Asked]>([
    ["/proc/self/environ as data", { data: "{ train: /proc/self/environ }" }],
    ["a file of another folder", { data: "{ train: /secret/key.jsonl }" }],
    ["one of several sources", { data: "{ train: [/data/train.jsonl, { path: /secret/key.jsonl }] }" }],
    ["evaluation data", { data: "{ train: /data/train.jsonl, eval: /secret/key.jsonl }" }],
    ["a path with ..", { data: "{ train: /data/../secret/key.jsonl }" }],
    ["a link to a file", { data: "{ train: /data/linked.jsonl }" }],
    ["through a link to a folder", { data: "{ train: /data/link/key.jsonl }" }],
    ["a folder that holds a link, deep inside", { data: "{ train: /data/poisoned }" }],
    ["a sibling whose name begins like the root", { data: "{ train: /data2/x.jsonl }" }],
    ["the whole file system", { data: "{ train: / }" }],
    ["a model", { model: "/secret" }],
    ["a model whose config.json is a link to a device", { model: "/models/linked" }],
    ["data as a model", { model: "/data" }],
    ["a relative model", { model: "./secret" }],
    ["a model with ~", { model: "~/secret" }],
    ["a relative file of data", { data: "{ train: secret/key.jsonl }" }],
    ["an adapter", { more: "lora: { init_adapter: /secret }" }],
  ])("%s", (_, asked) => {
    expect(refusal(asked)).toMatch(/is not within a folder of this server|neither an absolute path nor a hub id/);
  });

  it("a folder with the name of a hub id, where the server was started", () => {
    const here = relative(process.cwd(), join(process.cwd(), "src/data"));
    expect(refusal({ model: here })).toMatch(/model: src\/data cannot be used on this server/);
    expect(refusal({ data: `{ train: ${here} }` })).toMatch(/data\.train: src\/data cannot be used/);
    expect(refusal({ data: `{ train: { dataset: ${here} } }` })).toMatch(/data\.train: src\/data cannot be used/);
  });

  it("a template's file: its text travels", () => {
    for (const path of ["/proc/self/environ", "/data/train.jsonl", "x.jinja"])
      expect(refusal({ data: `{ train: /data/train.jsonl, chat_template: ${path} }` })).toMatch(
        /data\.chat_template: a submitted run has the template's text, not its path/,
      );
    const own = admitted({ data: '{ train: /data/train.jsonl, chat_template: "{{ messages }}" }' });
    expect(own.data.chat_template).toBe("{{ messages }}");
  });

  it("and learns nothing of what is there: a file that exists is refused like one that does not", () => {
    const about = (path: string): string => refusal({ data: `{ train: ${path} }` }).replace(path, "PATH");
    expect(about("/etc/passwd")).toBe(about("/etc/no-such-file"));
  });
});

describe("a submitted run writes nothing outside the server's roots", () => {
  it.each<[string, Asked]>([
    ["another folder", { output: "/tmp/x" }],
    ["the data", { output: "/data/x" }],
    ["a path with ..", { output: "/out/../secret" }],
    ["through a link", { output: "/out/away/x" }],
    ["a link without a target", { output: "/out/dangling" }],
    ["a folder with a link in it", { output: "/out/planted" }],
  ])("%s", (_, asked) => {
    expect(refusal(asked)).toMatch(/output_dir: \S+ is not within a folder of this server \(--output-root\)/);
  });
});

describe("what is the server's stays the server's", () => {
  it("addresses, tokens, TLS and telemetry", () => {
    const config = admitted({
      more: `cluster: { listen: "0.0.0.0:7070", tls: { cert: /secret/a, key: /secret/b }, min_workers: 3 }
telemetry: { http: "0.0.0.0:80", nats: { url: "nats://evil" }, tensorboard: true }`,
    });
    expect(config.cluster).toMatchObject({
      listen: defaultAddresses["cluster.listen"],
      tls: null,
      token: "of-the-server-0123",
      min_workers: 3,
    });
    expect(config.telemetry).toMatchObject({
      http: defaultAddresses["telemetry.http"],
      exec: null,
      tensorboard: true,
      nats: { url: ["nats://queue"], run: "r" },
    });
  });

  it("but for what the server sets itself", () => {
    const config = admitted({}, ["cluster.listen=127.0.0.1:0", "telemetry.http=null"]);
    expect([config.cluster.listen, config.telemetry.http]).toEqual(["127.0.0.1:0", null]);
  });

  it("a secret in a run is refused, and not repeated", () => {
    const text = refusal({ more: "cluster: { token: hunter2hunter2hunter2 }" });
    expect(text).toMatch(/cluster\.token: a submitted run must not contain secrets/);
    expect(text).not.toContain("hunter2");
  });

  it("a command is refused", () => {
    expect(refusal({ more: 'telemetry: { exec: "id" }' })).toMatch(/telemetry\.exec/);
  });
});

describe("an honest run is admitted as it is", () => {
  it("with data, model, adapter and folder within the roots, links among them, or of the hub", () => {
    expect(admitted({}).output_dir).toBe(join(folder, "out/x"));
    admitted({ data: "{ train: [/data/chats, /data/train.jsonl], eval: 0.1 }" });
    admitted({ model: "HuggingFaceTB/SmolLM2-135M", data: "{ train: owner/chats }" });
    admitted({ more: "lora: { init_adapter: /out/earlier/adapter }" });
    const every = parseRun(
      "model: a/b\noutput_dir: /o\ndata: { train: /d }\nseed: 7\ntraining: { learning_rate: 0.003, max_steps: 9 }",
      "x",
    );
    const config = admitted({ more: "seed: 7\ntraining: { learning_rate: 0.003, max_steps: 9 }" });
    expect({ ...config, model: "", output_dir: "", data: null, cluster: null, telemetry: null }).toEqual({
      ...parseRun(serializeRun(every), "x"),
      ...{ model: "", output_dir: "", data: null, cluster: null, telemetry: null },
    });
  });

  it("in a root that is itself a link", () => {
    symlinkSync(join(folder, "data"), join(folder, "mount"));
    const mounted = openRoots({ data: [join(folder, "mount")], model: [], output: [] });
    expect(leadsInside(join(folder, "mount/train.jsonl"), mounted.data)).toBe(true);
    expect(leadsInside(join(folder, "data/train.jsonl"), mounted.data)).toBe(true);
  });
});

describe("events that everybody may read", () => {
  it("name the place of an error, and nothing of what is there", () => {
    const error = (code: "data" | "model" | "bug", message: string) => ({ code, message, hint: "found keys: ssn" });
    expect(toldError(error("data", '/d/a.jsonl:7: not JSON: "HF_TOKEN=hf_secret"'))).toMatchObject({
      code: "data",
      message: "the run's data cannot be used: /d/a.jsonl:7",
    });
    for (const code of ["data", "model", "bug"] as const)
      expect(JSON.stringify(toldError(error(code, 'Unexpected token "hf_secret"')))).not.toMatch(/secret|ssn/);
  });

  it("name other errors in full: they are about the run's settings, the network and the disk", () => {
    const error = { code: "network" as const, message: "cannot fetch a/b", hint: null };
    expect(toldError(error)).toEqual(error);
  });
});
