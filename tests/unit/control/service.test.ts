/** The coordinator's service `Control` over a real socket, and what its callers are told when it cannot be asked. */
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { credentials, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { connectRun } from "../../../src/control/index.js";
import type { ConnectOptions, RemoteRun, RunStatus } from "../../../src/control/index.js";
import { hostOfPeer } from "../../../src/control/caller.js";
import { ControlClient, controlService } from "../../../src/control/protocol.js";
import { freePort } from "../../../src/chaos/ports.js";
import { CoxswainError } from "../../../src/errors.js";
import { coordinatorService, protocolVersion, withToken } from "../../../src/rpc/index.js";
import { everyCoordinatorCall, startBareServer } from "../../support/grpc-server.js";
import { HonestWorker, refusal } from "../../support/hostile.js";
import { reflectedClient, reflectedFiles, reflectedServices, unaryCall } from "../../support/reflection.js";
import { startHarness } from "../../support/service-harness.js";
import type { Harness } from "../../support/service-harness.js";

const token = "5ecret";
const size = 16;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(totalSteps = 5_000): Promise<Harness> {
  const server = await startHarness({ token, size, totalSteps });
  closers.push(() => server.close());
  return server;
}

async function connect(port: number, options: Partial<ConnectOptions> = {}): Promise<RemoteRun> {
  const address = `127.0.0.1:${port}`;
  const run = await connectRun({
    address,
    addressKey: "--coordinator",
    token,
    tls: undefined,
    caller: "ann@laptop",
    ...options,
  });
  closers.push(() => run.close());
  return run;
}

/** The error that a call ends with. */
async function trouble(call: Promise<unknown>): Promise<CoxswainError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CoxswainError) return error;
    throw error;
  }
  throw new Error("there was none");
}

/** What a caller is answered who says of itself what it likes. */
function refusalOf(server: Harness, request: object): Promise<ServiceError> {
  const client = new ControlClient(`127.0.0.1:${server.server.port}`, credentials.createInsecure());
  closers.push(() => client.close());
  return new Promise((resolve, reject) => {
    client.pause(request, withToken(token), (error) =>
      error === null ? reject(new Error("answered")) : resolve(error),
    );
  });
}

describe("a caller with the token", () => {
  it("gets the status, pauses, saves, resumes and stops", async () => {
    const server = await start();
    const run = await connect(server.server.port);
    expect(await run.status()).toEqual(server.control.status());
    const worker = new HonestWorker(server.server.port, token, "honest", size);
    closers.push(() => worker.close());
    const seen: RunStatus[] = [];
    for await (const now of run.watch()) {
      seen.push(now);
      if (now.step > 0 && seen.every(({ state }) => state !== "pausing" && state !== "paused")) await run.pause();
      if (now.state === "paused") break;
    }
    const paused = seen.at(-1)!;
    expect(await run.checkpoint(5_000)).toEqual({ step: paused.step, path: "nowhere" });
    expect(await run.status()).toEqual(server.control.status());
    expect(await run.resume()).toMatchObject({ state: "training" });
    const watch = run.watch();
    expect(await run.stop()).toMatchObject({ state: "stopping", detail: "stopped by ann@laptop" });
    let last: RunStatus | undefined;
    for await (const now of watch) last = now;
    expect(last).toMatchObject({ state: "stopped", detail: "stopped by ann@laptop", checkpoint: { step: last?.step } });
    expect(await worker.finished).toBe(false);
    expect(await trouble(run.pause())).toMatchObject({
      code: "cluster",
      message: "the run cannot be paused: it is ending (stopped by ann@laptop)",
      hint: expect.stringContaining("--resume") as string,
    });
    expect(server.events.map(({ event, by }) => [event, by])).toEqual(
      expect.arrayContaining([
        ["run_paused", "ann@laptop"],
        ["run_resumed", "ann@laptop"],
      ]),
    );
  });

  it("gets an error if a checkpoint cannot be written", async () => {
    const server = await start();
    server.failSaves(new CoxswainError("storage", "no space left", { hint: "Make room." }));
    const run = await connect(server.server.port);
    expect(await trouble(run.checkpoint(5_000))).toMatchObject({
      code: "storage",
      message: "no space left",
      hint: "Make room.",
    });
  });
});

describe("a refused caller gets the reason", () => {
  it("without its token", async () => {
    const server = await start();
    const paused = server.control.status().state;
    for (const wrong of [null, "other"]) {
      const run = await connect(server.server.port, { token: wrong });
      for (const call of [run.status(), run.pause(), run.stop(), run.checkpoint(1_000)])
        expect(await trouble(call)).toMatchObject({
          code: "cluster",
          message: expect.stringMatching(/the token is wrong or missing/) as string,
          hint: expect.stringContaining("COXSWAIN_TOKEN") as string,
        });
      expect(await trouble(run.watch()[Symbol.asyncIterator]().next())).toMatchObject({ code: "cluster" });
    }
    expect(server.control.status().state).toBe(paused);
  });

  it("when nothing, or another program, listens at the address", async () => {
    const port = await freePort(["127.0.0.1"]);
    expect(await trouble((await connect(port)).status())).toMatchObject({
      code: "network",
      message: `no coordinator at 127.0.0.1:${port}: nothing listens there`,
    });
    // As an older coordinator does.
    const { server, address } = await startBareServer(
      coordinatorService,
      everyCoordinatorCall(() => undefined),
    );
    closers.push(() => server.forceShutdown());
    const older = await connect(Number(address.split(":")[1]));
    expect(await trouble(older.status())).toMatchObject({
      code: "cluster",
      message: expect.stringContaining("another version") as string,
    });
  });

  it("with a different version: both are named", async () => {
    const server = await start();
    const { code, details } = await refusalOf(server, {
      protocolVersion: protocolVersion + 1,
      softwareVersion: "9.9.9",
    });
    expect(code).toBe(status.FAILED_PRECONDITION);
    expect(details).toMatch(/^the coordinator is Coxswain \S+ \(protocol 3\), the caller 9\.9\.9 \(protocol 4\)$/);
  });

  it("with a name that is not printable", async () => {
    const server = await start();
    for (const caller of ["\u001b[2J", "ann\nbob", "a".repeat(201)])
      expect((await refusalOf(server, { protocolVersion, caller })).code).toBe(status.INVALID_ARGUMENT);
    const ofVersion = await refusalOf(server, { softwareVersion: "\u001b[2J" });
    expect([ofVersion.code, ofVersion.details]).toEqual([
      status.INVALID_ARGUMENT,
      "a caller's version must have at most 200 characters, all of them printable",
    ]);
    expect(server.control.status().state).toBe("waiting");
  });

  it("when too many callers watch already", async () => {
    const server = await start();
    const run = await connect(server.server.port);
    const watchers = Array.from({ length: 32 }, () => run.watch()[Symbol.asyncIterator]());
    for (const { value } of await Promise.all(watchers.map((watcher) => watcher.next())))
      expect(value).toMatchObject({ state: "waiting" });
    const late = run.watch()[Symbol.asyncIterator]();
    expect((await trouble(late.next())).message).toBe("32 callers are already waiting for this coordinator");
    const client = new ControlClient(`127.0.0.1:${server.server.port}`, credentials.createInsecure());
    closers.push(() => client.close());
    expect((await refusal(client.watch({}, withToken(token)))).code).toBe(status.RESOURCE_EXHAUSTED);
    // Who leaves makes room, as soon as the server knows.
    await watchers[0]?.return?.();
    const first = (watcher: AsyncIterator<RunStatus>): Promise<unknown> => watcher.next();
    const isTaken = async (): Promise<boolean> => {
      const answer = await first(run.watch()[Symbol.asyncIterator]()).catch(() => undefined);
      return answer !== undefined;
    };
    while (!(await isTaken()));
  });

  it("when the coordinator times out", async () => {
    const silent = (): void => undefined;
    const { server, address } = await startBareServer(controlService, { Checkpoint: silent, Watch: silent });
    closers.push(() => server.forceShutdown());
    const run = await connect(Number(address.split(":")[1]), { silenceAllowed: 50 });
    expect(await trouble(run.watch()[Symbol.asyncIterator]().next())).toMatchObject({
      code: "network",
      message: `the coordinator at ${address} stopped sending`,
    });
    expect(await trouble(run.checkpoint(50))).toMatchObject({
      code: "network",
      message: `the coordinator at ${address} did not answer in 0.05 s`,
    });
  });

  it("when the coordinator disappears during a call", async () => {
    const server = await start();
    const run = await connect(server.server.port);
    const watching = run.watch()[Symbol.asyncIterator]();
    expect((await watching.next()).value).toMatchObject({ state: "waiting" });
    const saving = trouble(run.checkpoint(60_000));
    const next = trouble(watching.next());
    server.failSaves(new CoxswainError("storage", "no space left"));
    await server.server.close(0);
    expect(await next).toMatchObject({
      code: "network",
      message: expect.stringContaining("closed the connection") as string,
    });
    await saving;
  });
});

describe("a client that uses only server reflection", () => {
  const controlName = "coxswain.v1.Control";
  const connectPlain = async (port: number) => {
    const client = await reflectedClient(`127.0.0.1:${port}`, controlName, withToken(token));
    closers.push(() => client["close"]!());
    return (method: string, request = {}) => unaryCall(client, method, request, withToken(token));
  };

  it("controls the run with empty requests, and is named by its address", async () => {
    const server = await start();
    const call = await connectPlain(server.server.port);
    expect(await call("Status")).toMatchObject({ run_id: "test-run", state: "RUN_STATE_WAITING", total_steps: 5_000 });
    expect(await call("Pause")).toMatchObject({
      state: "RUN_STATE_PAUSED",
      detail: expect.stringContaining("127.0.0.1") as string,
    });
    expect(await call("Checkpoint")).toEqual({ step: 0, path: "nowhere" });
    expect(await call("Resume", { caller: "  " })).toMatchObject({ state: "RUN_STATE_WAITING" });
    expect(await call("Pause", { caller: "ann@laptop" })).toMatchObject({ state: "RUN_STATE_PAUSED" });
    expect(await call("Stop")).toMatchObject({ detail: "stopped by 127.0.0.1" });
    expect(server.events.flatMap(({ event, by }) => (event === "run_paused" ? [by] : []))).toEqual([
      "127.0.0.1",
      "ann@laptop",
    ]);
  });

  it("watches the run to its end", async () => {
    const server = await start();
    const client = await reflectedClient(`127.0.0.1:${server.server.port}`, controlName, withToken(token));
    closers.push(() => client["close"]!());
    const states: string[] = [];
    for await (const { state } of client["Watch"]!({}, withToken(token)) as AsyncIterable<{ state: string }>) {
      states.push(state);
      if (states.length === 1) await server.control.stop("stopped by a test");
    }
    expect([states[0], states.at(-1)]).toEqual(["RUN_STATE_WAITING", "RUN_STATE_STOPPED"]);
  });

  it("is refused if it sends the version of another protocol", async () => {
    const server = await start();
    const call = await connectPlain(server.server.port);
    await expect(call("Pause", { protocol_version: protocolVersion + 1 })).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    expect(server.control.status().state).toBe("waiting");
  });

  it("gets descriptors that strict implementations accept", async () => {
    const server = await start();
    const files = await reflectedFiles(`127.0.0.1:${server.server.port}`, controlName, withToken(token));
    const messages = files.flatMap((file) => fromBinary(FileDescriptorProtoSchema, file).messageType);
    // protobuf-go refuses a file with an empty reserved range, and every client of Go's with it.
    const ranges = messages.flatMap(({ reservedRange }) => reservedRange);
    expect(ranges.length).toBeGreaterThan(0);
    for (const { start: first, end } of ranges) expect(end).toBeGreaterThan(first);
    const request = messages.find(({ name }) => name === "ControlRequest")!;
    expect(request.field.map(({ name }) => name)).toEqual(["protocol_version", "software_version", "caller"]);
  });

  it("needs the token to list the services", async () => {
    const server = await start();
    const address = `127.0.0.1:${server.server.port}`;
    await expect(reflectedServices(address, withToken(null))).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    expect(await reflectedServices(address, withToken(token))).toEqual(
      expect.arrayContaining(["coxswain.v1.Coordinator", controlName]),
    );
  });
});

it.each([
  ["10.0.0.7:41234", "10.0.0.7"],
  ["::1:41234", "::1"],
  ["::ffff:10.0.0.7:41234", "10.0.0.7"],
  ["fe80::1%eth0:41234", "fe80::1%eth0"],
  ["unknown", "unknown"],
])("the peer %s is named %s", (peer, name) => expect(hostOfPeer(peer)).toBe(name));
