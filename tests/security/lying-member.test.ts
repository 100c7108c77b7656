/** A member that computes its own leases wrongly, on purpose or because its machine is broken. */
import { status } from "@grpc/grpc-js";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { withToken } from "../../src/rpc/index.js";
import { HonestWorker, clientOf, gradientOf, joinOf, refusal, trainToTheEnd } from "../support/hostile.js";
import { startHarness } from "../support/service-harness.js";
import type { Harness } from "../support/service-harness.js";

const token = "5ecret";
const [size, shards, totalSteps] = [16, 6, 10];
const closers: (() => unknown)[] = [];
let undisturbed: string;

const harness = (verify: number, minWorkers: number): Promise<Harness> =>
  startHarness({ token, size, shards, totalSteps, verify, minWorkers });

beforeAll(async () => {
  const server = await harness(0, 1);
  undisturbed = await trainToTheEnd(server, token, size);
  await server.close();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Flips the last bit of one element. */
const lie: typeof gradientOf = (...shard) => {
  const gradient = gradientOf(...shard);
  new Uint32Array(gradient.buffer)[3]! ^= 1;
  return gradient;
};

interface Trained {
  readonly server: Harness;
  readonly liar: HonestWorker;
  readonly honest: readonly HonestWorker[];
  readonly completed: readonly boolean[];
}

/** Honest workers and one that lies train together. */
async function train(verify: number, honestWorkers: number): Promise<Trained> {
  const server = await harness(verify, 3);
  closers.push(() => server.close());
  const join = (id: string, gradient: typeof gradientOf): HonestWorker => {
    const worker = new HonestWorker(server.server.port, token, id, size, undefined, gradient);
    closers.push(() => worker.close());
    return worker;
  };
  const liar = join("liar", lie);
  const honest = Array.from({ length: honestWorkers }, (_, index) => join(`honest-${index}`, gradientOf));
  // Its stream ends when it is put out.
  liar.finished.catch(() => undefined);
  return { server, liar, honest, completed: await Promise.all(honest.map(({ finished }) => finished)) };
}

const eventsOf = ({ events }: Harness, name: string) => events.filter(({ event }) => event === name);

describe("a member that flips one bit of the gradients of its own leases", () => {
  it("changes the adapter of a run that verifies nothing", async () => {
    const { honest, server } = await train(0, 2);
    // docs/security.md: holders of the token are trusted with the result.
    expect(honest[0]?.replica.hash()).not.toBe(undisturbed);
    expect(eventsOf(server, "worker_put_out")).toEqual([]);
  });

  it("is named and put out where sums are verified, and the adapter is that of the undisturbed run", async () => {
    const { server, honest, completed } = await train(1, 3);
    expect(completed).toEqual([true, true, true]);
    for (const { replica } of honest) expect(replica.hash()).toBe(undisturbed);
    const putOut = eventsOf(server, "worker_put_out");
    expect(putOut).toMatchObject([{ worker: "liar" }]);
    expect(putOut[0]?.["agreed"]).toEqual([expect.stringMatching(/^honest-\d$/), expect.stringMatching(/^honest-\d$/)]);
    expect(eventsOf(server, "worker_left").find(({ worker }) => worker === "liar")).toMatchObject({
      reason: expect.stringMatching(/^its sum of shards .* differs from that of honest-\d and honest-\d$/) as string,
    });
    expect(await server.metrics.text()).toMatch(/^coxswain_workers_put_out_total 1$/m);
  });
});

it("a process that was put out is refused when it comes back", async () => {
  const { server, liar } = await train(1, 3);
  const client = clientOf(server.server.port);
  closers.push(() => client.close());
  const control = client.attend(withToken(token));
  control.write(joinOf("another-id", { pid: liar.pid }));
  const { code, details } = await refusal(control);
  expect(code).toBe(status.FAILED_PRECONDITION);
  expect(details).toBe("this process computed wrong sums in this run: check its machine");
});
