/**
 * Random messages of random members against the real service: it never crashes, and an honest worker ends with the
 * adapter of the undisturbed run. A failure prints its seed, which repeats the sequence:
 *
 *     COXSWAIN_MESSAGE_SEQUENCES=10000 npx vitest run --project security tests/security/random-messages.test.ts
 *     COXSWAIN_MESSAGE_SEQUENCES=1 COXSWAIN_MESSAGE_SEED=4711 npx vitest run …
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Replica } from "../../src/optim/index.js";
import { sendVector, withToken } from "../../src/rpc/index.js";
import type { CoordinatorMessageOutput, CoordinatorStub, LeaseOutput, WorkerMessage } from "../../src/rpc/index.js";
import {
  HonestWorker,
  clientOf,
  gradientOf,
  joinOf,
  memberMetadata,
  nodeKeys,
  pushVector,
  trainToTheEnd,
} from "../support/hostile.js";
import type { Control } from "../support/hostile.js";
import { layoutFingerprint, startHarness } from "../support/service-harness.js";
import type { Harness } from "../support/service-harness.js";
import { generator } from "../support/simulation/random-cluster.js";

const sequences = Number(process.env["COXSWAIN_MESSAGE_SEQUENCES"] ?? 200);
const firstSeed = Number(process.env["COXSWAIN_MESSAGE_SEED"] ?? Math.floor(Math.random() * 1e9));
/** Sequences against one run: a new one for each would mostly measure how long a server takes to start. */
const perRun = 20;
const token = "5ecret";
const [size, shards, totalSteps] = [16, 6, 4];

let undisturbed: string;
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);

const harness = (): Promise<Harness> => startHarness({ token, size, shards, totalSteps });

beforeAll(async () => {
  process.on("unhandledRejection", onUnhandled);
  const server = await harness();
  undisturbed = await trainToTheEnd(server, token, size);
  await server.close();
});
afterAll(() => void process.off("unhandledRejection", onUnhandled));

/** Says and pushes anything, but no false gradient of its own lease that it announced: see lying-member.test.ts. */
class RandomMember {
  readonly control: Control;
  readonly #client: CoordinatorStub;
  readonly #random: () => number;
  readonly #id: string;
  readonly #others: readonly string[];
  readonly #replica: Replica;
  #key = "";
  #lease: LeaseOutput | undefined;
  #pushes: Promise<unknown>[] = [];

  constructor({ server, replica }: Harness, id: string, others: readonly string[], random: () => number) {
    this.#client = clientOf(server.port);
    this.#replica = replica;
    this.#id = id;
    this.#others = others;
    this.#random = random;
    this.control = this.#client.attend(withToken(token));
    this.control.on("error", () => undefined);
    this.control.on("data", ({ welcome, lease }: CoordinatorMessageOutput) => {
      if (welcome) this.#key = welcome.sessionKey;
      if (lease) this.#lease = lease;
    });
  }

  async run(messages: number): Promise<void> {
    if (this.#one(true, true, true, false)) this.control.write(joinOf(this.#id));
    for (let sent = 0; sent < messages; sent++) {
      const kind = this.#random();
      if (kind < 0.7) this.control.write(this.#message());
      else if (kind < 0.9) this.#push();
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async close(): Promise<void> {
    this.control.cancel();
    await Promise.all(this.#pushes);
    this.#client.close();
  }

  #one<T>(...values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!;
  }

  #number(): number {
    return this.#one(0, 1, 1, 2, 3, shards - 1, shards, totalSteps, 255, 2 ** 31, 2 ** 32 - 1);
  }

  /** A shard of its lease. */
  #leased(): number {
    return (this.#lease?.first ?? 0) + Math.floor(this.#random() * (this.#lease?.shards.length ?? 1));
  }

  #step(): number {
    return this.#one(this.#lease?.step ?? 1, 0, 1, 2, totalSteps + 1, 2 ** 53);
  }

  #text(): string {
    return this.#one("", "x", "honest", "\u001b[2J", "é".repeat(500), "h".repeat(70_000));
  }

  #message(): WorkerMessage {
    const step = this.#step();
    const [first, count] = [this.#number(), this.#number()];
    const checksums = Array.from({ length: this.#one(0, 1, 1, 1, 3) }, () => this.#number());
    return this.#one<WorkerMessage>(
      joinOf(this.#one(this.#id, "honest", "other"), {
        dataPort: this.#number() % 65_536,
        host: this.#text().slice(0, 9),
      }),
      {
        ready: {
          layoutFingerprint: this.#one(layoutFingerprint, this.#text()),
          engine: this.#one("ENGINE_ONNX", "ENGINE_TFJS"),
          device: this.#one("DEVICE_CPU", "DEVICE_CUDA"),
          backend: this.#one("onnxruntime", "wasm", this.#text()),
          replica: this.#one(null, { step, stateHash: this.#text() }),
        },
      },
      { applied: { step, stateHash: this.#text() } },
      // Which makes it active.
      { applied: { step: this.#replica.step, stateHash: this.#replica.hash() } },
      {
        computed: {
          task: this.#one("TASK_TRAIN", "TASK_EVALUATE", "TASK_GENERATE"),
          step,
          shard: first,
          lossSum: this.#one(0, 1, Number.NaN, Infinity),
          supervisedTokens: count,
          seconds: this.#one(-1, 0, 1, Number.NaN),
        },
      },
      // Of its own lease, as an honest worker would.
      {
        computed: {
          task: "TASK_TRAIN",
          step: this.#lease?.step ?? 1,
          shard: this.#leased(),
          lossSum: 7,
          supervisedTokens: 3,
          seconds: 0.01,
        },
      },
      { contribution: { step: this.#lease?.step ?? 1, first: this.#leased(), count: 1, checksums: [1] } },
      { contribution: { step, first, count, checksums } },
      { sliceReduced: { step, slice: first, checksum: count } },
      { collectFailed: { step, slice: first, first, count, source: this.#text(), reason: this.#text() } },
      { resynchronise: { reason: this.#text() } },
      { idle: {} },
      { heartbeat: {} },
      { draining: { reason: this.#text() } },
      { leaving: { reason: this.#text() } },
      { failed: { code: this.#text(), message: this.#text(), hint: this.#text() } },
      {},
    );
  }

  /** A vector in a random name, of a random sum. */
  #push(): void {
    const metadata = memberMetadata(
      this.#one(this.#id, ...this.#others),
      this.#one(this.#key, this.#key, "", "x"),
      token,
      this.#one(
        nodeKeys(this.#step(), this.#number(), this.#number()),
        nodeKeys(this.#lease?.step ?? 1, this.#leased(), 1),
      ),
    );
    const vector = gradientOf(this.#number(), 99, this.#one(size, size, 1, 2 * size));
    const pushed = pushVector(this.#client, metadata, (call) => sendVector(call, vector, "float32"));
    this.#pushes.push(pushed.catch(() => undefined));
  }
}

it(
  `survives ${sequences} sequences of random messages, with the adapter of the undisturbed run (seed ${firstSeed})`,
  { timeout: 120_000 + sequences * 1_000 },
  async () => {
    for (let done = 0; done < sequences; done += perRun) {
      const seed = firstSeed + done;
      const server = await harness();
      const ids = Array.from({ length: Math.min(perRun, sequences - done) }, (_, index) => `member-${seed + index}`);
      const members = ids.map(
        (id, index) => new RandomMember(server, id, ["honest", ...ids.slice(0, 2)], generator(seed + index)),
      );
      const worker = new HonestWorker(server.server.port, token, "honest", size);
      const context = `COXSWAIN_MESSAGE_SEQUENCES=${perRun} COXSWAIN_MESSAGE_SEED=${seed}`;
      try {
        await Promise.all(members.map((member, index) => member.run(20 + ((seed + index) % 30))));
        await Promise.all(members.map((member) => member.close()));
        expect(await worker.finished, context).toBe(true);
        expect(worker.replica.hash(), context).toBe(undisturbed);
        expect(server.replica.hash(), context).toBe(undisturbed);
        expect(unhandled, context).toEqual([]);
      } finally {
        worker.close();
        await server.close();
      }
    }
  },
);
