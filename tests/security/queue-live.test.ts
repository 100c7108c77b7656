/** A real queue under attack: one server, on which every attack is followed by honest work. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nkeys } from "nats";
import { expect, it } from "vitest";
import { NatsServer, skippedWithoutNats, storedEvents } from "../support/nats-server.js";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartData, quickstartModel } from "../support/runs.js";

/** What the library's types leave out. */
interface NKey {
  getPublicKey(): string;
  getSeed(): Uint8Array;
}

const run = (steps: number, train = join(quickstartData, "train.jsonl")): object => ({
  model: quickstartModel,
  output_dir: "out",
  data: { train, max_length: 128 },
  lora: { r: 4 },
  training: { max_steps: steps, global_batch_size: 4, micro_batch_size: 2, learning_rate: 3e-3 },
  compute: { threads: 1 },
});

it.skipIf(skippedWithoutNats !== "")(
  `a server outlives runs that end their process, tells strangers nothing of files, and leaves in seconds${skippedWithoutNats}`,
  async () => {
    const nats = await NatsServer.start();
    const folder = temporaryFolder();
    const user = (nkeys as { createUser(): NKey }).createUser();
    const seed = join(folder, "seed");
    writeFileSync(seed, user.getSeed());
    const server = new CoxswainProcess([
      ...["serve", "--nats", nats.url, "--accept-from", user.getPublicKey(), "--grace", "1"],
      ...[
        "--data-root",
        quickstartData,
        "--data-root",
        folder,
        "--model-root",
        quickstartModel,
        "--output-root",
        folder,
      ],
      ...["--set", "cluster.listen=127.0.0.1:0", "--set", "telemetry.http=null"],
    ]);
    const submit = async (name: string, settings: object, ...more: string[]): Promise<void> => {
      const file = writeRun(folder, { ...settings, output_dir: name }, `${name}.yaml`);
      const { code, stderr } = await coxswain(["submit", file, "--nats", nats.url, "--run", name, ...more]);
      expect(stderr).toBe("");
      expect(code).toBe(0);
    };
    const processOf = (name: string): number =>
      (JSON.parse(readFileSync(join(folder, name, ".lock"), "utf8")) as { pid: number }).pid;

    await submit("unsigned", run(2));
    await server.until(/unsigned: rejected: the run is not signed, and this server accepts signed runs only/);

    const poisoned = join(folder, "poisoned.jsonl");
    writeFileSync(poisoned, `{"prompt": "a", "completion": "b"}\n{"prompt": "my-secret-content`);
    await submit("reader", run(2, poisoned), "--sign", seed);
    await server.until(/reader: rejected: .*poisoned\.jsonl:2: not JSON/);

    await submit("aborts", run(100_000), "--sign", seed);
    await server.until(/\bstep +2\//);
    process.kill(processOf("aborts"), "SIGABRT");
    await server.until(/aborts: rejected: the process of the run was ended by SIGABRT/);

    await submit("honest", run(2), "--sign", seed);
    await server.until(/honest: finished after 2 steps/);

    await submit("stuck", run(100_000), "--sign", seed);
    await server.until(/stuck: starting[^]*\bstep +2\//);
    process.kill(processOf("stuck"), "SIGSTOP");
    const asked = performance.now();
    server.signal("SIGTERM");
    expect((await server.finished).code).toBe(0);
    expect(performance.now() - asked).toBeLessThan(20_000);

    const client = await nats.connect();
    const told = async (name: string): Promise<string[]> =>
      (await storedEvents(client, name)).map((event) => JSON.stringify(event));
    const reader = (await told("reader")).join("\n");
    expect(reader).toContain("the run's data cannot be used");
    expect(reader).toContain("poisoned.jsonl:2");
    expect(reader).not.toContain("my-secret-content");
    expect(readFileSync(join(folder, "reader", "queue.json"), "utf8")).toContain("not JSON");
    expect((await told("stuck")).at(-1)).toContain("queue.returned");
    expect((await told("unsigned")).at(-1)).toContain("queue.rejected");
    await client.close();
  },
);
