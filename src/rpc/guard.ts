/**
 * Limits unauthenticated callers: connections and refusals per address, and the lifetime and the number of calls of a
 * connection. Handles sockets and addresses only, neither tokens nor calls.
 */
import type { Socket } from "node:net";
import { addressOf } from "../connections/index.js";
import type { PeerAddress } from "../connections/index.js";

export interface GuardLimits {
  /** Number of refusals of one address within `refusalWindow` ms that block it for `shutOutFor` ms. */
  readonly refusals: number;
  readonly refusalWindow: number;
  readonly shutOutFor: number;
  /** Maximum number of concurrent unauthenticated connections: per address, and in total. */
  readonly strangersEach: number;
  readonly strangers: number;
  /** Lifetime of such a connection, ms, including one that sends nothing or never finishes its TLS handshake. */
  readonly strangerStay: number;
  /** Calls to the health service, which needs no token, on such a connection. */
  readonly strangerCalls: number;
  /** Number of addresses whose refusals are remembered; the oldest is evicted first. */
  readonly addresses: number;
}

export const guardLimits: GuardLimits = {
  refusals: 20,
  refusalWindow: 10_000,
  shutOutFor: 10_000,
  strangersEach: 128,
  strangers: 1024,
  strangerStay: 30_000,
  strangerCalls: 100,
  addresses: 4096,
};

interface Connection {
  readonly address: string;
  readonly socket: Socket;
  /** Closes it. */
  readonly timer: NodeJS.Timeout;
  calls: number;
}

interface Refusals {
  since: number;
  count: number;
  shutOutUntil: number;
}

export class ConnectionGuard {
  readonly #limits: GuardLimits;
  readonly #now: () => number;
  /** Unauthenticated connections, by peer. */
  readonly #strangers = new Map<string, Connection>();
  readonly #strangersOf = new Map<string, number>();
  readonly #refusals = new Map<string, Refusals>();

  /** @param now monotonic, ms */
  constructor(limits: GuardLimits = guardLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Registers a new connection. @returns whether it is accepted; otherwise it is closed */
  accept(socket: Socket): boolean {
    const { strangersEach, strangers, strangerStay } = this.#limits;
    const address = addressOf(socket);
    const ofAddress = this.#strangersOf.get(address) ?? 0;
    if (this.isShutOut(socket) || ofAddress >= strangersEach || this.#strangers.size >= strangers) {
      socket.on("error", () => undefined).destroy();
      return false;
    }
    const key = peerOf(socket);
    const timer = setTimeout(() => socket.destroy(), strangerStay).unref();
    this.#strangers.set(key, { address, socket, timer, calls: 0 });
    this.#strangersOf.set(address, ofAddress + 1);
    socket.once("close", () => this.#known(key));
    return true;
  }

  /** The token was sent on a connection: the limits no longer apply to it. */
  admit(peer: PeerAddress): void {
    this.#known(peerOf(peer));
  }

  /** Whether the connection is unauthenticated. */
  isStranger(peer: PeerAddress): boolean {
    return this.#strangers.has(peerOf(peer));
  }

  /** Registers a call that needs no token. @returns whether it may be answered */
  allowsOpenCall(peer: PeerAddress): boolean {
    const connection = this.#strangers.get(peerOf(peer));
    return connection === undefined || ++connection.calls <= this.#limits.strangerCalls;
  }

  /** Registers a call that was refused because of its token. */
  refuse(peer: PeerAddress): void {
    const { refusals, refusalWindow, shutOutFor, addresses } = this.#limits;
    const address = addressOf(peer);
    const now = this.#now();
    const known = this.#refusals.get(address);
    const current = known !== undefined && now - known.since <= refusalWindow;
    const entry = current ? known : { since: now, count: 0, shutOutUntil: known?.shutOutUntil ?? 0 };
    if (++entry.count >= refusals) entry.shutOutUntil = now + shutOutFor;
    // Moved to the end of the map, so that the first entry is the oldest.
    if (!current) this.#refusals.delete(address);
    this.#refusals.set(address, entry);
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > addresses && oldest !== undefined) this.#refusals.delete(oldest);
  }

  /** Whether an address is blocked after too many refusals. */
  isShutOut(peer: PeerAddress): boolean {
    return (this.#refusals.get(addressOf(peer))?.shutOutUntil ?? 0) > this.#now();
  }

  /** Closes all unauthenticated connections. */
  close(): void {
    for (const { socket } of this.#strangers.values()) socket.destroy();
  }

  /** It has authenticated or closed. */
  #known(key: string): void {
    const connection = this.#strangers.get(key);
    if (connection === undefined) return;
    clearTimeout(connection.timer);
    this.#strangers.delete(key);
    const left = (this.#strangersOf.get(connection.address) ?? 1) - 1;
    if (left > 0) this.#strangersOf.set(connection.address, left);
    else this.#strangersOf.delete(connection.address);
  }
}

const peerOf = ({ remoteAddress = "", remotePort = 0 }: PeerAddress): string => `${remoteAddress} ${remotePort}`;
