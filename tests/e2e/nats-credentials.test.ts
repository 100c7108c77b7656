/** .creds files on a real server with an operator, as `nsc` and hosted NATS make them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { credsAuthenticator } from "nats";
import { beforeAll, describe, expect, it } from "vitest";
import { openConnection } from "../../src/nats/index.js";
import { makeOperator } from "../support/nats-operator.js";
import type { NatsOperator } from "../support/nats-operator.js";
import { NatsServer, skippedWithoutNats, storedEvents } from "../support/nats-server.js";
import { coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartData, quickstartModel } from "../support/runs.js";

describe.skipIf(skippedWithoutNats !== "")(`.creds files${skippedWithoutNats}`, () => {
  let operator: NatsOperator;
  let server: NatsServer;
  let folder: string;

  /** @returns the path of a file of the folder, with this text */
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  /** Opens a connection with a file, as whatever needs NATS does. */
  const open = (credentials: string | null) =>
    openConnection(
      { url: server.url, credentials, nkey: null, user: null, password: null, token: null, tls: null },
      "test",
    );

  beforeAll(async () => {
    folder = temporaryFolder();
    operator = await makeOperator();
    server = await NatsServer.start({ configuration: operator.configuration });
  });

  it("let a run publish events and a command ask; without one both are refused", async () => {
    const credentials = file("ann.creds", await operator.credentials("ann"));
    const train = (nats: object) =>
      coxswain([
        "train",
        writeRun(temporaryFolder(), {
          model: quickstartModel,
          output_dir: "out",
          workers: 1,
          data: { train: join(quickstartData, "train.jsonl"), max_length: 64 },
          training: { max_steps: 1, global_batch_size: 2, micro_batch_size: 2 },
          compute: { threads: 1 },
          cluster: { listen: "127.0.0.1:0" },
          telemetry: { http: null, nats: { url: server.url, run: "sealed", ...nats } },
        }),
      ]);
    const [sealed, open] = await Promise.all([train({ credentials }), train({})]);
    expect(sealed.code).toBe(0);
    expect(sealed.stdout).not.toMatch(/warning/);
    expect(open.stdout).toMatch(/warning: no connection to NATS .*it rejects these credentials/);
    const authenticator = credsAuthenticator(new TextEncoder().encode(await operator.credentials("reader")));
    const client = await server.connect({ authenticator });
    const told = (await storedEvents(client, "sealed")).map(({ subject }) => subject);
    expect(told.filter((subject) => subject.endsWith(".finished"))).toHaveLength(1);
    await client.close();

    const status = (...words: string[]) => coxswain(["status", "--nats", server.url, "--run", "sealed", ...words]);
    expect((await status("--nats-credentials", credentials)).stderr).toMatch(/no run named sealed is active/);
    expect((await status()).stderr).toMatch(/it rejects these credentials/);
  });

  it("that are unreadable, of another format or damaged are named before the server is asked", async () => {
    const whole = await operator.credentials("ann");
    const [token = ""] = whole.split("------END");
    const damaged = whole.replace(/\nSU..../, "\nSUAAAA");
    expect(damaged).not.toBe(whole);
    for (const [path, message, hint] of [
      [join(folder, "gone.creds"), "cannot be read (ENOENT)", /Check the path/],
      [folder, "cannot be read (EISDIR)", /Check the path/],
      [file("text.creds", "hello"), "is not a .creds file", /nsc generate creds/],
      [file("half.creds", token), "is not a .creds file", /nsc generate creds/],
      [file("damaged.creds", damaged), "is not a .creds file", /nsc generate creds/],
    ] as const) {
      const error: unknown = await open(path).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: "config",
        message: `NATS credentials: ${path} ${message}`,
        hint: expect.stringMatching(hint) as string,
      });
    }
  });

  it("of another operator, or expired, are refused by name", async () => {
    const stranger = file("stranger.creds", await (await makeOperator()).credentials("ann"));
    const yesterday = Math.floor(Date.now() / 1000) - 86_400;
    const old = file("old.creds", await operator.credentials("ann", yesterday));
    for (const path of [stranger, old])
      await expect(open(path)).rejects.toThrow(`it rejects the credentials in ${path}`);
    const { code, stderr } = await coxswain([
      "serve",
      "--output-root",
      temporaryFolder(),
      "--nats",
      server.url,
      "--nats-credentials",
      stranger,
    ]);
    expect(stderr).toContain(`it rejects the credentials in ${stranger}\nhint: Check telemetry.nats.credentials`);
    expect(code).toBe(5);
  });
});
