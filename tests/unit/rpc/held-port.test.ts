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

describe("the held port of a starting coordinator", () => {
  it("is recognised as a coordinator's, and answers workers with UNAVAILABLE", async () => {
    const { port } = await hold();
    expect(await isServedAt({ host: local, port }, name)).toBe(true);
    expect(await callAt(port)).toMatchObject({ code: status.UNAVAILABLE, details: /starting/ });
  });

  it.runIf(hasOpenssl)("is recognised with TLS, whoever signed its certificate", async () => {
    const folder = temporaryFolder();
    makeAuthority(folder, "own");
    const pem = (file: string): string => join(folder, `${file}.pem`);
    const { port } = await hold(await serverCredentials({ cert: pem("own"), key: pem("own-key"), ca: null }));
    expect(await isServedAt({ host: local, port }, name)).toBe(true);
  });

  it("is handed to the server without being free in between", async () => {
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

  it("fails with the name of the key if the port is in use", async () => {
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

describe("another program is not mistaken for a coordinator", () => {
  it.each<[string, () => Server]>([
    ["that speaks HTTP", () => createServer((_, response) => response.end("ok"))],
    ["that sends nothing", () => createTcpServer(() => undefined)],
    ["that closes the connection", () => createTcpServer((socket) => socket.destroy())],
    ["that speaks another protocol", () => createTcpServer((socket) => socket.end("220 mail.example ESMTP\r\n"))],
  ])("%s", async (_, create) => {
    const server = create().listen(0, local);
    await new Promise((resolve) => server.once("listening", resolve));
    onTestFinished(() => void server.close());
    expect(await isServedAt({ host: local, port: (server.address() as AddressInfo).port }, name)).toBe(false);
  });
});
