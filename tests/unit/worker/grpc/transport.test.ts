/** How a worker connects, over real sockets. */
import { expect, it } from "vitest";
import { freePort } from "../../../../src/chaos/ports.js";
import { systemClock } from "../../../../src/clock.js";
import { GrpcTransport } from "../../../../src/worker/grpc/transport.js";
import { fixedCoordinator } from "../../../../src/worker/grpc/locator.js";

/** Far longer than the test may take, ms. */
const attemptTimeout = 600_000;

it.each(["before it begins", "while it lasts"])("an attempt to connect ends with a signal %s", async (when) => {
  const transport = await GrpcTransport.open({
    coordinator: fixedCoordinator(`127.0.0.1:${await freePort(["127.0.0.1"])}`),
    token: null,
    tls: undefined,
    proxy: undefined,
    listen: "none",
    clock: systemClock,
  });
  const leaving = new AbortController();
  if (when === "before it begins") leaving.abort();
  const attempt = transport.connect(attemptTimeout, leaving.signal);
  setImmediate(() => leaving.abort());
  expect(await attempt).toEqual({ kind: "failed", reason: "told to leave", final: false });
  await transport.close();
});
