/**
 * What somebody who knows the token can send to a coordinator. It may cost time, but not the result: an honest worker
 * trains to the same bits as in an undisturbed run, unless what was said stops the run, with its state kept.
 */
import { crc32 } from "node:zlib";
import { status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { pushesAllowed } from "../../../../src/coordinator/service/bounds.js";
import type { Chunk } from "../../../../src/collective/index.js";
import { chunksOf, vectorChecksum } from "../../../../src/collective/index.js";
import { metadataKeys, ownCertificate, sendChunks, sendVector, withToken } from "../../../../src/rpc/index.js";
import { seal } from "../../../../src/rpc/seal.js";
import type { WelcomedMember } from "../../../support/hostile.js";
import {
  frame,
  gradientOf,
  healthCheck,
  http2Session,
  joinOf,
  leaseFirstStep,
  memberMetadata,
  memoryInUse,
  nodeKeys,
  pushVector,
  rawCall,
  refusal,
  statusOf,
  trainToTheEnd,
  welcomedMember,
} from "../../../support/hostile.js";
import { layoutFingerprint, runId, startHarness } from "../../../support/service-harness.js";
import type { Harness } from "../../../support/service-harness.js";

const token = "5ecret";
const size = 16;
const shards = 6;
const harness = (): Promise<Harness> => startHarness({ token, size, shards });

const closers: (() => unknown)[] = [];
let undisturbed: string;

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

/** A member that has been welcomed. */
async function start(id = "mallory"): Promise<Mallory> {
  const server = await harness();
  closers.push(() => server.close());
  return { server, ...(await joinedAs(server, id)) };
}

async function joinedAs(server: Harness, id: string): Promise<WelcomedMember> {
  const member = await welcomedMember(server.server.port, token, id);
  closers.push(() => member.client.close());
  sessionKey = member.key;
  return member;
}

/** Of the newest member, as the coordinator welcomed it. */
let sessionKey = "";
const metadata = (more: Record<string, number | string> = {}) => memberMetadata("mallory", sessionKey, token, more);

/** Everything on the control stream so far was dealt with. */
const settled = async ({ server }: Mallory): Promise<void> => {
  expect(await healthCheck(server.server.port)).toBeLessThan(10_000);
};

async function honestEnd({ server }: Mallory): Promise<void> {
  expect(await healthCheck(server.server.port)).toBeLessThan(10_000);
  expect(await trainToTheEnd(server, token, size)).toBe(undisturbed);
}

const leave = async (mallory: Mallory): Promise<void> => {
  mallory.control.write({ leaving: { reason: "done" } });
  while (mallory.server.conductor.session("mallory") !== undefined) await settled(mallory);
};

const refused = async (push: Promise<void>): Promise<ServiceError> => {
  const error: unknown = await push.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return error as ServiceError;
};

describe("pulls", () => {
  it.each([
    [-1, 4],
    [0, -1],
    [0, 0],
    [0, 17],
    [16, 1],
    [2 ** 53, 1],
    [1, 2 ** 53],
    [2 ** 63, 2 ** 63],
    [2 ** 64 - 1, 2],
    [Number.NaN, 4],
  ])("of elements %d+%d are refused", async (offset, length) => {
    const mallory = await start();
    const code = (await refusal(mallory.client.pullReduced({ step: 1, offset, length }, metadata()))).code;
    expect([status.INVALID_ARGUMENT, status.NOT_FOUND]).toContain(code);
    await leave(mallory);
    await honestEnd(mallory);
  });

  it("for another run, or in the name of an unknown worker, are refused", async () => {
    const mallory = await start();
    for (const overrides of [{ [metadataKeys.run]: `${runId}2` }, { [metadataKeys.worker]: "honest" }])
      expect((await refusal(mallory.client.pullReplica({}, metadata(overrides)))).code).toBe(status.PERMISSION_DENIED);
    await leave(mallory);
    await honestEnd(mallory);
  });

  it("of files outside the model are refused, even if the name contains a lone surrogate", async () => {
    const mallory = await start();
    for (const name of ["../x", "/etc/passwd", "..", "", "a\0b", "x".repeat(100_000)])
      expect((await refusal(mallory.client.pullModelFile({ name }, metadata()))).code).toBe(status.NOT_FOUND);
    const session = http2Session(mallory.server.server.port, "127.0.0.1");
    closers.push(() => session.destroy());
    const headers = {
      authorization: `Bearer ${token}`,
      [metadataKeys.run]: runId,
      [metadataKeys.worker]: "mallory",
      [metadataKeys.session]: sessionKey,
    };
    const body = frame(seal(Buffer.from([0x0a, 3, 0xed, 0xa0, 0x80])));
    const stream = rawCall(session, "/coxswain.v1.Coordinator/PullModelFile", headers);
    stream.end(body);
    expect(await statusOf(stream)).toBe(status.NOT_FOUND);
    await leave(mallory);
    await honestEnd(mallory);
  });
});

/** Says that it has computed a shard, and what its sum is. */
function announce({ control }: Mallory, shard: number, vector: Float32Array, overrides: object = {}): void {
  control.write(computed(1, shard, overrides));
  const checksums = [vectorChecksum(vector, "float32")];
  control.write({ contribution: { step: 1, first: shard, count: 1, checksums } });
}

const computed = (step: number, shard: number, overrides: object = {}) => ({
  computed: {
    task: "TASK_TRAIN" as const,
    step,
    shard,
    lossSum: 1,
    supervisedTokens: 1,
    seconds: 0.01,
    ...overrides,
  },
});

describe("pushes", () => {
  const vector = gradientOf(1, 0, size);
  const push = (mallory: Mallory, keys: ReturnType<typeof nodeKeys>): Promise<void> =>
    pushVector(mallory.client, metadata(keys), (call) => sendVector(call, vector, "float32"));

  it.each([
    ["an older step", nodeKeys(0, 0, 1)],
    ["a later step", nodeKeys(2, 0, 1)],
    ["no step", nodeKeys("x", 0, 1)],
    ["shards before the first", nodeKeys(1, -1, 1)],
    ["no shards", nodeKeys(1, 0, 0)],
    ["half a shard", nodeKeys(1, 0.5, 1)],
    ["endless shards", nodeKeys(1, 0, "Infinity")],
    ["shards that were not leased to it", nodeKeys(1, 0, 1)],
  ])("of %s are refused", async (_, keys) => {
    const mallory = await start();
    expect((await refused(push(mallory, keys))).code).toBe(status.INVALID_ARGUMENT);
    await leave(mallory);
    await honestEnd(mallory);
  });

  const bytes = new Uint8Array(vector.buffer);
  const pieces = [...chunksOf(bytes, 16)];
  const [first, second] = [pieces[0]!, pieces[1]!];
  const more: Chunk = { offset: 64, total: 64, crc32: crc32(first.payload), payload: first.payload };
  it.each<[string, Chunk[]]>([
    ["that are repeated", [first, first]],
    ["out of order", [second, first]],
    ["with a gap", [first, pieces[2]!]],
    ["with a wrong checksum", [{ ...first, crc32: (first.crc32 ^ 1) >>> 0 }]],
    ["that are too many", [...pieces, more]],
    ["of a different size", pieces.map((piece) => ({ ...piece, total: 2 ** 52 }))],
    ["that are empty", [{ ...first, payload: new Uint8Array(), crc32: 0 }]],
    ["that are cut inside an element", [...chunksOf(bytes, 6)]],
    ["of which some are missing", pieces.slice(0, 2)],
  ])("in chunks %s are refused", async (_, chunks) => {
    const mallory = await start();
    await leaseFirstStep(mallory, mallory.server);
    announce(mallory, 0, vector);
    const pushed = pushVector(mallory.client, metadata(nodeKeys(1, 0, 1)), (call) => sendChunks(call, chunks));
    const error = await refused(pushed);
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).not.toContain("expected from");
    await leave(mallory);
    await honestEnd(mallory);
  });

  it("that were not leased to it are refused, however many, and have no effect", async () => {
    const mallory = await start();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => push(mallory, nodeKeys(1, index, 1))),
    );
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toEqual([]);
    await leave(mallory);
    await honestEnd(mallory);
  });

  it("that never end are limited in number", async () => {
    const mallory = await start();
    await leaseFirstStep(mallory, mallory.server);
    const before = memoryInUse();
    const refusals: (ServiceError | null)[] = [];
    const calls = Array.from({ length: pushesAllowed + 5 }, () =>
      mallory.client.pushContribution(metadata(nodeKeys(1, 0, 1)), (error) => refusals.push(error)),
    );
    for (const call of calls) call.on("error", () => undefined);
    while (refusals.length < 5) await settled(mallory);
    expect(refusals.map((error) => error?.code)).toEqual(new Array(5).fill(status.RESOURCE_EXHAUSTED));
    for (const call of calls) call.cancel();
    await leave(mallory);
    await honestEnd(mallory);
    expect(memoryInUse() - before).toBeLessThan(48 * 1024 * 1024);
  });

  it("of a replica that was not requested are refused unread", async () => {
    const mallory = await start();
    const error = await new Promise<ServiceError | null>((resolve) => {
      const call = mallory.client.pushReplica(metadata({ [metadataKeys.step]: 9 }), resolve);
      call.on("error", () => undefined);
    });
    expect(error?.code).toBe(status.FAILED_PRECONDITION);
    await leave(mallory);
    await honestEnd(mallory);
  });
});

describe("a false message", () => {
  it("about sums that it has not computed, or that are no node of the tree, has no effect", async () => {
    const mallory = await start();
    await leaseFirstStep(mallory, mallory.server);
    const { control } = mallory;
    const contribution = (step: number, first: number, count: number): void =>
      void control.write({ contribution: { step, first, count, checksums: [1] } });
    contribution(1, 0, 6);
    contribution(9, 0, 1);
    contribution(2 ** 53, 2 ** 32 - 1, 2 ** 32 - 1);
    for (let shard = 0; shard < shards; shard++) control.write(computed(1, shard));
    for (const [first, count] of [
      [1, 2],
      [0, 3],
      [3, 3],
      [0, 0],
      [5, 2],
    ] as const) {
      contribution(1, first, count);
      const pushed = pushVector(mallory.client, metadata(nodeKeys(1, first, Math.max(1, count))), (call) =>
        sendVector(call, gradientOf(1, 9, size), "float32"),
      );
      expect((await refused(pushed)).code).toBe(status.INVALID_ARGUMENT);
    }
    await settled(mallory);
    expect(mallory.server.conductor.status().committed).toBe(0);
    await leave(mallory);
    await honestEnd(mallory);
  });

  it("about another worker's shards is ignored", async () => {
    const honest = await start("honest-first");
    await leaseFirstStep(honest, honest.server);
    const mallory = { server: honest.server, ...(await joinedAs(honest.server, "mallory")) };
    for (let shard = 0; shard < shards; shard++) {
      announce(mallory, shard, gradientOf(9, 9, size));
      const pushed = pushVector(mallory.client, metadata(nodeKeys(1, shard, 1)), (call) =>
        sendVector(call, gradientOf(9, 9, size), "float32"),
      );
      expect((await refused(pushed)).details).toContain("is not expected from worker mallory");
    }
    await settled(mallory);
    expect(mallory.server.conductor.status().committed).toBe(0);
    await leave(mallory);
    honest.control.write({ leaving: { reason: "done" } });
    await honestEnd(mallory);
  });

  it.each([
    ["a NaN loss", { lossSum: Number.NaN }, gradientOf(1, 0, size)],
    ["an infinite loss", { lossSum: Number.POSITIVE_INFINITY }, gradientOf(1, 0, size)],
    ["a NaN gradient", {}, new Float32Array(size).fill(Number.NaN)],
  ])("%s stops the run before it is applied", async (_, overrides, gradient) => {
    const mallory = await start();
    await leaseFirstStep(mallory, mallory.server);
    const before = mallory.server.replica.hash();
    for (let shard = 0; shard < shards; shard++) {
      announce(mallory, shard, gradient, overrides);
      await pushVector(mallory.client, metadata(nodeKeys(1, shard, 1)), (call) =>
        sendVector(call, gradient, "float32"),
      );
    }
    expect((await mallory.server.conductor.done).kind).toBe("failed");
    expect(mallory.server.replica.hash()).toBe(before);
    expect(await healthCheck(mallory.server.server.port)).toBeLessThan(10_000);
  });

  it("about a different state makes only this worker pull the replica again", async () => {
    const mallory = await start();
    mallory.control.write({
      ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" },
    });
    expect((await mallory.next()).message).toBe("synchronise");
    for (const [step, stateHash] of [
      [0, "another"],
      [2 ** 53, "future"],
      [0, "x".repeat(100_000)],
    ] as const) {
      mallory.control.write({ applied: { step, stateHash } });
      expect((await mallory.next()).message).toBe("synchronise");
    }
    await leave(mallory);
    await honestEnd(mallory);
  });

  it("that it is ready, sent a thousand times, opens one connection to it", async () => {
    const mallory = await start();
    for (let index = 0; index < 1000; index++)
      mallory.control.write({
        ready: { layoutFingerprint, engine: "ENGINE_ONNX", device: "DEVICE_CPU", backend: "onnxruntime" },
      });
    expect((await mallory.next()).message).toBe("synchronise");
    await settled(mallory);
    expect(mallory.server.reached).toEqual(["mallory"]);
    await leave(mallory);
    await honestEnd(mallory);
  });
});

const trailing = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.of(0)]);

describe("what a worker says when it goes", () => {
  it.each([
    ["leaving", (text: string) => ({ leaving: { reason: text } })],
    ["failed", (text: string) => ({ failed: { code: "model", message: text, hint: text } })],
  ] as const)("is one printable line of bounded length (%s)", async (_, message) => {
    const mallory = await start();
    mallory.control.write(message(`\u001b[2Jgone\nerror: no${"!".repeat(100_000)}`));
    while (mallory.server.conductor.session("mallory") !== undefined) await settled(mallory);
    const { events, failures } = mallory.server;
    const { reason } = events.find(({ event }) => event === "worker_left") as { reason?: string };
    for (const said of [reason, ...failures.flatMap(({ message: what, hint }) => [what, hint])]) {
      expect(said).toMatch(/^\uFFFD\[2Jgone error: no!+…$/);
      expect(said).toHaveLength(500);
    }
    await honestEnd(mallory);
  });
});

describe("a false identity", () => {
  it.each([
    ["no id", { workerId: "" }],
    ["an id that is invalid in a header", { workerId: "a\nb" }],
    ["an endless id", { workerId: "x".repeat(10_000) }],
    ["an endless host", { host: "x".repeat(10_000) }],
    ["a host that a terminal obeys", { host: "\u001b[2J" }],
    ["a key that is invalid in a header", { dataPort: 1, dataKey: "a\r\nb" }],
    ["an address that is a file", { dataPort: 1, dataHost: "unix:/run/x.sock" }],
    ["an address with a resolver's scheme", { dataPort: 1, dataHost: "dns:///elsewhere" }],
    ["an address with a path", { dataPort: 1, dataHost: "a/b@c" }],
    ["an invalid certificate", { dataPort: 1, dataCertificate: Buffer.alloc(300, 7) }],
    ["a certificate with trailing bytes", { dataPort: 1, dataCertificate: trailing(ownCertificate().certificate) }],
    ["an endless certificate", { dataPort: 1, dataCertificate: Buffer.alloc(10_000, 0x30) }],
    ["an invalid port", { dataPort: 70_000 }],
  ])("%s is refused", async (_, overrides) => {
    const mallory = await start();
    const second = mallory.client.attend(withToken(token));
    second.write(joinOf("other", overrides));
    expect((await refusal(second)).code).toBe(status.FAILED_PRECONDITION);
    await leave(mallory);
    await honestEnd(mallory);
  });

  it("is final with the first message: a second one on a refused stream has no effect", async () => {
    const mallory = await start();
    const rude = mallory.client.attend(withToken(token));
    rude.write({ heartbeat: {} });
    rude.write(joinOf("ghost"));
    expect((await refusal(rude)).code).toBe(status.FAILED_PRECONDITION);
    await settled(mallory);
    expect(mallory.server.conductor.session("ghost")).toBeUndefined();
    await leave(mallory);
    mallory.control.write(joinOf("mallory"));
    await settled(mallory);
    expect(mallory.server.conductor.session("mallory")).toBeUndefined();
    await honestEnd(mallory);
  });

  it("does not affect a worker that joined later with the same id", async () => {
    const mallory = await start("shared");
    mallory.server.conductor.dismiss("shared", "it was silent");
    const later = await joinedAs(mallory.server, "shared");
    mallory.control.write({ leaving: { reason: "the old one" } });
    mallory.control.end();
    await settled(mallory);
    expect(mallory.server.conductor.session("shared")).toBeDefined();
    later.control.write({ leaving: { reason: "done" } });
    await honestEnd(mallory);
  });
});
