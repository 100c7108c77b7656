/**
 * The network between one worker and everyone else: forwards bytes, and can be cut or flip a byte on request. Does not
 * interpret the bytes.
 */
import { createServer, connect } from "node:net";
import type { Server, Socket } from "node:net";
import type { Address } from "../config/index.js";
import type { CutManner, Direction } from "./plan.js";

/** A listening port and the address that it forwards to. */
export interface Route {
  readonly listen: Address;
  readonly target: Address;
  /** The worker's end: it connects, or it is connected to. */
  readonly worker: "client" | "target";
}

/** A byte to flip in the next data. */
export interface Tampering {
  readonly direction: Direction;
  /** The position of the byte in the piece: uniform in [0, 1). */
  readonly place: number;
  /** XORed with the byte. */
  readonly mask: number;
}

export interface Flip {
  /** The index of the byte, and the number of bytes in its piece. */
  readonly byte: number;
  readonly of: number;
}

export class Proxy {
  readonly #servers: Server[] = [];
  readonly #connections = new Set<Connection>();
  #cut: CutManner | undefined;
  #tampering: (Tampering & { done(flip: Flip): void }) | undefined;

  /** Listens on every route. Rejects if an address cannot be bound. */
  static async open(routes: readonly Route[]): Promise<Proxy> {
    const proxy = new Proxy();
    try {
      for (const route of routes) proxy.#servers.push(await proxy.#listen(route));
    } catch (error) {
      await proxy.close();
      throw error;
    }
    return proxy;
  }

  /** Ports in the order of the routes. */
  get ports(): readonly number[] {
    return this.#servers.map((server) => {
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    });
  }

  /** From now on no data passes. */
  cut(manner: CutManner): void {
    this.#cut = manner;
    for (const connection of this.#connections)
      if (manner === "silent") connection.hold();
      else connection.reset();
  }

  /** Data passes again, held data first. */
  heal(): void {
    this.#cut = undefined;
    for (const connection of this.#connections) connection.release();
  }

  /** Flips one byte in the next piece in this direction, and reports which. A later call replaces an earlier one. */
  tamper(tampering: Tampering, done: (flip: Flip) => void): void {
    this.#tampering = { ...tampering, done };
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.reset();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #listen(route: Route): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
      if (this.#cut === "reset") {
        client.resetAndDestroy();
        return;
      }
      const connection = new Connection(client, route, {
        pass: (data, direction) => this.#pass(data, direction),
        over: () => this.#connections.delete(connection),
      });
      this.#connections.add(connection);
      if (this.#cut === undefined) connection.release();
    });
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(route.listen.port, route.listen.host, () => resolve(server));
    });
  }

  #pass(data: Buffer, direction: Direction): Buffer {
    const tampering = this.#tampering;
    if (tampering?.direction !== direction || data.length === 0) return data;
    this.#tampering = undefined;
    const flipped = Buffer.from(data);
    const byte = Math.floor(tampering.place * data.length);
    flipped[byte] = (flipped[byte] ?? 0) ^ tampering.mask;
    tampering.done({ byte, of: data.length });
    return flipped;
  }
}

interface ConnectionHooks {
  pass(data: Buffer, direction: Direction): Buffer;
  over(): void;
}

/** Two sockets, one for each end. While held, it neither reads nor informs one end about the other. */
class Connection {
  readonly #client: Socket;
  readonly #route: Route;
  readonly #hooks: ConnectionHooks;
  #target: Socket | undefined;
  #held = true;
  #over = false;
  /** What happened while it was held. */
  readonly #later: (() => void)[] = [];

  constructor(client: Socket, route: Route, hooks: ConnectionHooks) {
    this.#client = client;
    this.#route = route;
    this.#hooks = hooks;
    client.on("error", () => this.#whenFree(() => this.reset())).on("close", () => this.#onClose());
  }

  hold(): void {
    this.#held = true;
    this.#client.pause();
    this.#target?.pause();
  }

  release(): void {
    this.#held = false;
    for (const act of this.#later.splice(0)) act();
    if (this.#over) return;
    if (this.#target === undefined) this.#connect();
    else for (const socket of [this.#client, this.#target]) socket.resume();
  }

  /** Resets both ends. */
  reset(): void {
    if (this.#over) return;
    this.#over = true;
    this.#client.resetAndDestroy();
    this.#target?.resetAndDestroy();
    this.#hooks.over();
  }

  #connect(): void {
    const { target: address, worker } = this.#route;
    const target = connect({ ...address, allowHalfOpen: true, noDelay: true });
    this.#target = target;
    target.on("error", () => this.#whenFree(() => this.reset())).on("close", () => this.#onClose());
    this.#pipe(this.#client, target, worker === "client" ? "from-worker" : "to-worker");
    this.#pipe(target, this.#client, worker === "client" ? "to-worker" : "from-worker");
  }

  #pipe(from: Socket, to: Socket, direction: Direction): void {
    from.on("data", (data) => {
      if (!to.write(this.#hooks.pass(data, direction))) from.pause();
    });
    to.on("drain", () => {
      if (!this.#held) from.resume();
    });
    from.on("end", () => this.#whenFree(() => to.end()));
    if (!this.#held) from.resume();
  }

  #onClose(): void {
    if (!this.#client.destroyed || this.#target?.destroyed === false) return;
    this.#over = true;
    this.#hooks.over();
  }

  #whenFree(act: () => void): void {
    if (this.#held && !this.#over) this.#later.push(act);
    else act();
  }
}
