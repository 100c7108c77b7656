/** What a user loses if these fail: the second run on a machine, or a worker that came before its coordinator was ready. */
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { ServerCredentials, credentials, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  CoordinatorClient,
  coordinatorService,
  holdPort,
  isServedAt,
  listen,
  serverCredentials,
} from "../../../src/rpc/index.js";
import type { HeldPort } from "../../../src/rpc/index.js";
import { hasOpenssl, makeAuthority } from "../../support/certificates.js";
import { everyCoordinatorCall } from "../../support/grpc-server.js";
import { temporaryFolder } from "../model/helpers.js";

const name = "coxswain.v1.Coordinator";
const local = "127.0.0.1";

async function hold(serverCredentials = ServerCredentials.createInsecure()): Promise<HeldPort> {
  const services = [{ name, definition: coordinatorService }];
  const held = await holdPort({ host: local, port: 0, credentials: serverCredentials, services, addressKey: "key" });
  onTestFinished(() => held.close());
  return held;
}

/** What a worker's call ends with. */
function callAt(port: number): Promise<ServiceError | undefined> {
  const client = new CoordinatorClient(`${local}:${port}`, credentials.createInsecure());
  return new Promise<ServiceError | undefined>((resolve) => {
    client
      .pullModelFile({}, { deadline: Date.now() + 5_000 })
      .on("data", () => undefined)
      .on("error", resolve)
      .on("end", () => resolve(undefined));
  }).finally(() => client.close());
}

describe("a port that is held for a coordinator", () => {
  it("is known for a coordinator's, and tells workers to try again", async () => {
    const { port } = await hold();
    expect(await isServedAt({ host: local, port }, name)).toBe(true);
    expect(await callAt(port)).toMatchObject({ code: status.UNAVAILABLE, details: /starting/ });
  });

  it.runIf(hasOpenssl)("is known for one with TLS, whoever signed its certificate", async () => {
    const folder = temporaryFolder();
    makeAuthority(folder, "own");
    const pem = (file: string): string => join(folder, `${file}.pem`);
    const { port } = await hold(await serverCredentials({ cert: pem("own"), key: pem("own-key"), ca: null }));
    expect(await isServedAt({ host: local, port }, name)).toBe(true);
  });

  it("is the server's from one moment to the next, without being free between", async () => {
    const held = await hold();
    const handler = (call: { emit: (event: string, error: object) => void }): void =>
      call.emit("error", { code: status.NOT_FOUND, details: "no such file" });
    const server = await listen({
      host: local,
      port: held.port,
      held,
      credentials: ServerCredentials.createInsecure(),
      token: null,
      refusal: "",
      largestMessage: 1024,
      services: [{ name, definition: coordinatorService, handlers: everyCoordinatorCall(handler) }],
      addressKey: "key",
    });
    onTestFinished(() => server.close(0));
    expect(server.port).toBe(held.port);
    expect(await callAt(held.port)).toMatchObject({ code: status.NOT_FOUND });
  });

  it("is refused where it is taken, by its key", async () => {
    const { port } = await hold();
    const again = holdPort({
      host: local,
      port,
      credentials: ServerCredentials.createInsecure(),
      services: [],
      addressKey: "cluster.listen",
    });
    await expect(again).rejects.toMatchObject({
      code: "network",
      message: `cluster.listen: the port of ${local}:${port} is in use`,
    });
  });
});

describe("another program is not taken for a coordinator", () => {
  it.each<[string, () => Server]>([
    ["that speaks HTTP", () => createServer((_, response) => response.end("ok"))],
    ["that says nothing", () => createTcpServer(() => undefined)],
    ["that hangs up", () => createTcpServer((socket) => socket.destroy())],
    ["that says something else", () => createTcpServer((socket) => socket.end("220 mail.example ESMTP\r\n"))],
  ])("%s", async (_, create) => {
    const server = create().listen(0, local);
    await new Promise((resolve) => server.once("listening", resolve));
    onTestFinished(() => void server.close());
    expect(await isServedAt({ host: local, port: (server.address() as AddressInfo).port }, name)).toBe(false);
  });
});
