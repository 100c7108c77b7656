/**
 * A member that speaks in another's name, or of work that is not its own: it knows the token and attends the run. It may
 * cost time; the result is that of the undisturbed run.
 */
import { status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { vectorChecksum } from "../../src/collective/index.js";
import { sendVector } from "../../src/rpc/index.js";
import {
  HonestWorker,
  gradientOf,
  leaseFirstStep,
  memberMetadata,
  nodeKeys,
  pushVector,
  refusal,
  trainToTheEnd,
  welcomedMember,
} from "../support/hostile.js";
import type { WelcomedMember } from "../support/hostile.js";
import { startHarness } from "../support/service-harness.js";
import type { Harness } from "../support/service-harness.js";

const token = "5ecret";
const [size, shards, totalSteps] = [16, 6, 10];
const closers: (() => unknown)[] = [];
let undisturbed: string;

const harness = (): Promise<Harness> => startHarness({ token, size, shards, totalSteps });

beforeAll(async () => {
  const server = await harness();
  undisturbed = await trainToTheEnd(server, token, size);
  await server.close();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Mallory extends WelcomedMember {
  readonly server: Harness;
}

async function mallory(): Promise<Mallory> {
  const server = await harness();
  closers.push(() => server.close());
  const member = await welcomedMember(server.server.port, token, "mallory");
  closers.push(() => member.client.close());
  return { server, ...member };
}

const forged = (shard: number): Float32Array => gradientOf(99, shard, size);

async function outcomeOf(push: Promise<void>): Promise<ServiceError | undefined> {
  return push.then(
    () => undefined,
    (error: unknown) => error as ServiceError,
  );
}

const rejected = ({ events }: Harness): unknown[] => events.filter(({ event }) => event === "sum_rejected");

describe("a member without a lease", () => {
  it.each(["its own key", "no key", "another's id as the key"])(
    "pushes no vector in another's name with %s: the adapter is that of the undisturbed run",
    async (which) => {
      const { server, client, key } = await mallory();
      const keys = { "its own key": key, "no key": "", "another's id as the key": "honest" } as Record<string, string>;
      const outcomes: (ServiceError | undefined)[] = [];
      /** A vector for every shard of a step, before its owner has computed any. */
      const forge = async (step: number): Promise<void> => {
        const pushes = Array.from({ length: shards }, (_, shard) =>
          pushVector(client, memberMetadata("honest", keys[which]!, token, nodeKeys(step, shard, 1)), (call) =>
            sendVector(call, forged(shard), "float32"),
          ),
        );
        outcomes.push(...(await Promise.all(pushes.map(outcomeOf))));
      };
      const worker = new HonestWorker(server.server.port, token, "honest", size, forge);
      closers.push(() => worker.close());
      expect(await worker.finished).toBe(true);
      expect(worker.replica.hash()).toBe(undisturbed);
      expect(outcomes.map((outcome) => outcome?.code)).toEqual(
        new Array(shards * totalSteps).fill(status.PERMISSION_DENIED),
      );
    },
  );

  it("gets nothing in another's name", async () => {
    const { server, client, key } = await mallory();
    const worker = new HonestWorker(server.server.port, token, "honest", size, async () => {
      const as = memberMetadata("honest", key, token);
      for (const call of [
        client.pullReplica({}, as),
        client.pullReduced({ step: 1, offset: 0, length: size }, as),
        client.pullModelFile({ name: "config.json" }, as),
      ])
        expect((await refusal(call)).code).toBe(status.PERMISSION_DENIED);
      const offer = await new Promise<ServiceError | null>((resolve) => {
        client.pushReplica(as, resolve).on("error", () => undefined);
      });
      expect(offer?.code).toBe(status.PERMISSION_DENIED);
    });
    closers.push(() => worker.close());
    expect(await worker.finished).toBe(true);
    expect(worker.replica.hash()).toBe(undisturbed);
  });

  it("pushes no sum of its own name either", async () => {
    const { server, client, key, control } = await mallory();
    const outcomes: (ServiceError | undefined)[] = [];
    const push = async (step: number): Promise<void> => {
      for (let shard = 0; shard < shards; shard++) {
        const vector = forged(shard);
        control.write({
          computed: { task: "TASK_TRAIN", step, shard, lossSum: 1, supervisedTokens: 1, seconds: 0.01 },
        });
        control.write({
          contribution: { step, first: shard, count: 1, checksums: [vectorChecksum(vector, "float32")] },
        });
        const pushed = pushVector(client, memberMetadata("mallory", key, token, nodeKeys(step, shard, 1)), (call) =>
          sendVector(call, vector, "float32"),
        );
        outcomes.push(await outcomeOf(pushed));
      }
    };
    const worker = new HonestWorker(server.server.port, token, "honest", size, push);
    closers.push(() => worker.close());
    expect(await worker.finished).toBe(true);
    expect(worker.replica.hash()).toBe(undisturbed);
    expect(outcomes.map((outcome) => outcome?.code)).toEqual(
      new Array(shards * totalSteps).fill(status.INVALID_ARGUMENT),
    );
    expect(outcomes[0]?.details).toBe("the sum of shards [0, 1) of step 1 is not expected from worker mallory");
  });
});

describe("a member with a lease", () => {
  it("is named and dropped when its sums are not those that it announced, and the run goes on", async () => {
    const { server, client, key, control, next } = await mallory();
    await leaseFirstStep({ client, key, control, next }, server);
    const metadata = (shard: number) => memberMetadata("mallory", key, token, nodeKeys(1, shard, 1));
    const said = (shard: number): void => {
      control.write({
        computed: { task: "TASK_TRAIN", step: 1, shard, lossSum: 1, supervisedTokens: 1, seconds: 0.01 },
      });
      const checksums = [vectorChecksum(gradientOf(1, shard, size), "float32")];
      control.write({ contribution: { step: 1, first: shard, count: 1, checksums } });
    };
    for (const shard of [0, 1, 2]) {
      said(shard);
      await outcomeOf(pushVector(client, metadata(shard), (call) => sendVector(call, forged(shard), "float32")));
    }
    const worker = new HonestWorker(server.server.port, token, "honest", size);
    closers.push(() => worker.close());
    expect(await worker.finished).toBe(true);
    expect(worker.replica.hash()).toBe(undisturbed);
    expect(rejected(server)).toEqual(
      [0, 1, 2].map((first) => ({
        time: expect.any(String) as string,
        event: "sum_rejected",
        worker: "mallory",
        step: 1,
        first,
        count: 1,
      })),
    );
    expect(server.conductor.session("mallory")).toBeUndefined();
    expect(server.events.find(({ event, worker: id }) => event === "worker_left" && id === "mallory")).toMatchObject({
      reason: "its gradients differed from what it announced (3 times)",
    });
  });

  it("is refused a push that it does not announce", async () => {
    const { server, client, key, control, next } = await mallory();
    await leaseFirstStep({ client, key, control, next }, server);
    const metadata = memberMetadata("mallory", key, token, nodeKeys(1, 0, 1));
    const outcome = outcomeOf(pushVector(client, metadata, (call) => sendVector(call, forged(0), "float32")));
    // It waits for the announcement, which does not come: the member leaves instead.
    control.write({ leaving: { reason: "done" } });
    expect((await outcome)?.code).toBe(status.INVALID_ARGUMENT);
    expect(await trainToTheEnd(server, token, size)).toBe(undisturbed);
  });
});
