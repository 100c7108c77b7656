/** Runs over a real nats-server: events, control, discovery, the queue, and a server that stops. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nkeys } from "nats";
import { beforeAll, describe, expect, it } from "vitest";
import { connectNatsRun, openConnection } from "../../src/nats/index.js";
import { hasOpenssl, makeAuthority, makeCertificate } from "../support/certificates.js";
import { untilStep } from "../support/cluster.js";
import { NatsServer, skippedWithoutNats, storedEvents } from "../support/nats-server.js";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, quickstartData, quickstartModel, stepLines } from "../support/runs.js";

interface RunOptions {
  readonly steps: number;
  readonly nats?: object | null;
  readonly training?: object;
  readonly http?: string | null;
}

/** A run of short steps; its output is in "FOLDER/out". */
const run = ({ steps, nats = null, training = {}, http = null }: RunOptions): object => ({
  model: quickstartModel,
  output_dir: "out",
  workers: 1,
  data: { train: join(quickstartData, "train.jsonl"), max_length: 128 },
  lora: { r: 4 },
  training: {
    max_steps: steps,
    global_batch_size: 4,
    micro_batch_size: 2,
    learning_rate: 3e-3,
    save_steps: 1000,
    ...training,
  },
  compute: { threads: 1 },
  cluster: { listen: "127.0.0.1:0" },
  telemetry: { http, nats },
});

const counted = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
/** Flags of a connection that no test needs. */
/** The folders that a server lets runs use. */
const rootsFor = (output: string): readonly string[] => [
  ...["--data-root", quickstartData, "--data-root", output],
  ...["--model-root", quickstartModel, "--output-root", output],
];

const connection = { credentials: null, nkey: null, user: null, password: null, token: null, tls: null };

describe.skipIf(skippedWithoutNats !== "")(`over NATS${skippedWithoutNats}`, () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });

  it("a run continues while its NATS server is down, and every event arrives once, in order, afterwards", async () => {
    const own = await NatsServer.start();
    const folder = temporaryFolder();
    const steps = 40;
    const file = writeRun(folder, run({ steps, nats: { url: own.url, run: "lost" }, http: "127.0.0.1:0" }));
    const train = new CoxswainProcess(["train", file]);
    const [, http] = await train.until(/metrics on (http:\S+\/metrics)/);
    await untilStep(train, 5);
    own.kill();
    const before = stepLines(join(folder, "out")).length;
    await untilStep(train, before + 10);
    expect(await (await fetch(http!)).text()).toMatch(/^coxswain_nats_connected 0$/m);
    await own.start();
    const { code, stdout } = await train.finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /warning: no connection to NATS at nats:\S+: nothing listens there; the run continues without it/,
    );
    expect(stepLines(join(folder, "out"))).toHaveLength(steps);

    const client = await own.connect();
    const events = await storedEvents(client, "lost");
    await client.close();
    expect(events.map(({ body }) => body["sequence"])).toEqual(counted(events.length));
    expect(new Set(events.map(({ body }) => body["run_id"])).size).toBe(1);
    const told = events.filter(({ subject }) => subject === "coxswain.lost.events.step").map(({ body }) => body);
    expect(told.map(({ step, loss }) => ({ step, loss }))).toEqual(
      stepLines(join(folder, "out")).map(({ step, loss }) => ({ step, loss })),
    );
    const subjects = events.map(({ subject }) => subject.replace("coxswain.lost.events.", ""));
    expect(subjects[0]).toBe("started");
    for (const expected of ["worker.joined", "checkpoint.saved", "finished"]) expect(subjects).toContain(expected);
  });

  it("a worker finds its coordinator by the run's name, and the restarted one at another port after kill -9", async () => {
    const folder = temporaryFolder();
    const steps = 14;
    const file = writeRun(folder, run({ steps, nats: { url: server.url, run: "moves" } }));
    const worker = new CoxswainProcess(["worker", "--nats", server.url, "--run", "moves", "--http", "none"]);
    await worker.until(/no coordinator announces the run moves/);
    const first = new CoxswainProcess(["coordinator", file]);
    const [, before] = await first.until(/listening on (\S+)/);
    await untilStep(first, 2);
    first.killAll();
    await first.finished;
    const second = new CoxswainProcess(["coordinator", file, "--resume"]);
    const [, after] = await second.until(/listening on (\S+)/);
    expect(after).not.toBe(before);
    expect((await second.finished).code).toBe(0);
    expect((await worker.finished).code).toBe(0);
    expect(stepLines(join(folder, "out")).map(({ step }) => step)).toEqual(counted(steps));
  });

  it("a run is controlled by its name, with the commands and with plain NATS requests", async () => {
    const file = writeRun(temporaryFolder(), run({ steps: 10_000, nats: { url: server.url, run: "steered" } }));
    const train = new CoxswainProcess(["train", file]);
    await untilStep(train, 2);
    const settings = { ...connection, url: server.url };
    const remote = await connectNatsRun({ settings, run: "steered", caller: "ann@test" });
    const asked = await remote.pause();
    expect(["pausing", "paused"]).toContain(asked.state);
    for await (const { state } of remote.watch()) if (state === "paused") break;
    const paused = await remote.status();
    expect(paused.detail).toMatch(/ann@test/);
    const saved = await remote.checkpoint(30_000);
    expect(saved.step).toBe(paused.step);
    expect(existsSync(saved.path)).toBe(true);
    expect((await remote.resume()).state).not.toBe("paused");

    const client = await server.connect();
    const plain = await client.request("coxswain.steered.control.status");
    expect(plain.json()).toMatchObject({ status: { total_steps: 10_000 } });
    for (const [verb, message] of [
      ["halt", /supports status, pause/],
      ["pause", /JSON object/],
    ] as const) {
      const answer = await client.request(`coxswain.steered.control.${verb}`, "[]");
      expect(answer.json<{ error: { code: string; message: string } }>().error.message).toMatch(message);
    }
    await client.close();

    const stopped = await coxswain(["stop", "--nats", server.url, "--run", "steered", "--json"]);
    expect(JSON.parse(stopped.stdout)).toMatchObject({ state: "stopped" });
    remote.close();
    expect((await train.finished).code).toBe(130);
    const gone = await coxswain(["status", "--nats", server.url, "--run", "steered"]);
    expect(gone.stderr).toMatch(/error: no run named steered is active at nats:/);
    expect(gone.code).toBe(5);
  });

  it("a submitted run ends with the bits of an undisturbed one after kill -9 of its server; an invalid one is rejected once", async () => {
    const steps = 12;
    const reference = temporaryFolder();
    const options = { steps, training: { save_steps: 3 } };
    expect((await coxswain(["train", writeRun(reference, run(options))])).code).toBe(0);

    const folder = temporaryFolder();
    const file = writeRun(folder, run(options));
    const submit = (...words: string[]) => coxswain(["submit", "--nats", server.url, ...words]);
    const missing = await submit(file, "--run", "wrong", "--set", "data.train=gone.jsonl");
    expect(missing.code).toBe(0);
    expect((await submit(file, "--run", "queued")).stdout).toMatch(/submitted queued/);
    expect((await submit(file, "--run", "queued")).stderr).toMatch(/a run named queued is already queued or running/);
    expect((await submit(file, "--run", "a.b")).stderr).toMatch(/--run: "a\.b" cannot be a run's name/);
    expect((await submit(file, "--set", "cluster.token=secret")).stderr).toMatch(
      /cluster\.token: a submitted run must not contain secrets/,
    );

    const first = new CoxswainProcess(["serve", "--nats", server.url, ...rootsFor(folder)]);
    await first.until(/wrong: rejected: data\.train: \S+gone\.jsonl does not exist on/);
    await first.until(/\bstep +4\//);
    first.killAll();
    await first.finished;
    const second = new CoxswainProcess(["serve", "--nats", server.url, ...rootsFor(folder)]);
    await second.until(/queued: continuing after step \d+/);
    await second.until(/queued: finished after 12 steps/);
    second.signal("SIGTERM");
    const { code, stdout } = await second.finished;
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/wrong/);
    expect(adapterBytes(join(folder, "out")).equals(adapterBytes(join(reference, "out")))).toBe(true);
    expect(stepLines(join(folder, "out")).map(({ step }) => step)).toEqual(counted(steps));

    const client = await server.connect();
    const told = async (name: string): Promise<string[]> =>
      (await storedEvents(client, name)).map(({ subject }) => subject.replace(`coxswain.${name}.events.`, ""));
    expect(await told("wrong")).toEqual(["queue.submitted", "queue.rejected"]);
    const queued = (await told("queued")).filter((event) => event.startsWith("queue."));
    expect(queued).toEqual(["queue.submitted", "queue.taken", "queue.taken", "queue.finished"]);
    const { state } = await (await client.jetstreamManager()).streams.info("coxswain_queue");
    expect(state.messages).toBe(0);
    await client.close();
  });

  it("without JetStream a run reports it and continues; commands that need it end with a hint", async () => {
    const bare = await NatsServer.start({ jetStream: false });
    const train = await coxswain(["train", writeRun(temporaryFolder(), run({ steps: 1, nats: { url: bare.url } }))]);
    expect(train.code).toBe(0);
    expect(train.stdout).toMatch(
      /warning: NATS: events cannot be stored: the server, or this account, has no JetStream/,
    );
    const serve = await coxswain(["serve", "--nats", bare.url, ...rootsFor(temporaryFolder())]);
    expect(serve.stderr).toMatch(/has no JetStream\nhint: Start it with JetStream: `nats-server -js`\./);
    expect(serve.code).toBe(5);
    const worker = await coxswain(["worker", "--nats", "nats://127.0.0.1:1", "--run", "r", "--http", "none"]);
    expect(worker.stderr).toMatch(/no connection to NATS at nats:\/\/127\.0\.0\.1:1: nothing listens there\nhint: /);
    expect(worker.code).toBe(5);
  });

  describe.skipIf(!hasOpenssl)(`with credentials, under TLS${hasOpenssl ? "" : " (skipped: no openssl)"}`, () => {
    let guarded: NatsServer;
    let folder: string;
    const password = "correct-horse";

    beforeAll(async () => {
      folder = temporaryFolder();
      makeAuthority(folder, "authority");
      makeCertificate(folder, "server", "authority");
      guarded = await NatsServer.start({
        configuration: [
          `tls { cert_file: "${folder}/server.pem", key_file: "${folder}/server-key.pem" }`,
          `authorization { users: [ { user: ann, password: "${password}" } ] }`,
        ].join("\n"),
      });
    });

    it("a run publishes its events, and writes its password to no file", async () => {
      const nats = { url: guarded.url, run: "guarded", user: "ann", tls: { ca: join(folder, "authority.pem") } };
      const at = temporaryFolder();
      const env = { COXSWAIN_NATS_PASSWORD: password };
      const { code, stdout } = await coxswain(["train", writeRun(at, run({ steps: 2, nats }))], { env });
      expect(code).toBe(0);
      expect(stdout).not.toMatch(/warning/);
      const ca = readFileSync(join(folder, "authority.pem"), "utf8");
      const client = await guarded.connect({ user: "ann", pass: password, tls: { ca } });
      expect((await storedEvents(client, "guarded")).map(({ subject }) => subject)).toContain(
        "coxswain.guarded.events.finished",
      );
      await client.close();
      for (const name of ["resolved.yaml", "events.jsonl", "logs/coordinator.log"])
        expect(readFileSync(join(at, "out", name), "utf8")).not.toContain(password);
    });

    it.each([
      ["a wrong password", ["--nats-user", "ann"], { COXSWAIN_NATS_PASSWORD: "guess" }, /it rejects these credentials/],
      ["none", [], {}, /it rejects these credentials/],
    ])("%s is told as such", async (_, flags, env, message) => {
      const words = [
        "serve",
        "--nats",
        guarded.url,
        ...rootsFor(folder),
        "--nats-ca",
        join(folder, "authority.pem"),
        ...flags,
      ];
      const { code, stderr } = await coxswain(words, { env });
      expect(stderr).toMatch(message);
      expect(stderr).not.toContain("guess");
      expect(code).toBe(5);
    });

    it("an untrusted certificate and a server without TLS are refused", async () => {
      const serve = (...words: string[]) => coxswain(["serve", ...rootsFor(folder), "--nats", ...words]);
      expect((await serve(guarded.url)).stderr).toMatch(/its certificate is not accepted .*\nhint: .*--nats-ca/);
      const plain = await serve(server.url.replace("nats:", "tls:"));
      expect(plain.stderr).toMatch(/it does not support TLS/);
    });
  });

  it("an NKey is read from its seed file", async () => {
    const user = (nkeys as { createUser(): NKey }).createUser();
    const seed = join(temporaryFolder(), "seed");
    writeFileSync(seed, Buffer.concat([user.getSeed(), Buffer.from("\n")]));
    const keyed = await NatsServer.start({
      configuration: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
    });
    const settings = { ...connection, url: keyed.url };
    await expect(openConnection(settings, "test")).rejects.toThrow(/it rejects these credentials/);
    const client = await openConnection({ ...settings, nkey: seed }, "test");
    await client.flush();
    await client.close();
    await expect(openConnection({ ...settings, nkey: `${seed}.gone` }, "test")).rejects.toThrow(/cannot be read/);
  });
});

/** What the library's types leave out. */
interface NKey {
  getPublicKey(): string;
  getSeed(): Uint8Array;
}
