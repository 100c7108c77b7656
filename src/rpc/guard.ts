/**
 * Bounds what callers can do before they have shown the token: connections and refusals from an address, how long a
 * connection may stay and how much it may ask. Knows sockets and addresses; not what a token is, nor any call.
 */
import { isIPv4, isIPv6 } from "node:net";
import type { Socket } from "node:net";

export interface GuardLimits {
  /** Refusals of one address within `refusalWindow` ms, after which it is shut out for `shutOutFor` ms. */
  readonly refusals: number;
  readonly refusalWindow: number;
  readonly shutOutFor: number;
  /** Connections at once on which nobody has shown the token: of one address, and of all. */
  readonly strangersEach: number;
  readonly strangers: number;
  /** How long such a connection may stay, ms: also one that says nothing, or never finishes its TLS handshake. */
  readonly strangerStay: number;
  /** Calls of the health service, which is open to all, on such a connection. */
  readonly strangerCalls: number;
  /** Addresses whose refusals are remembered; the one that was refused first is forgotten first. */
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

/** Who is at the other end of a connection, as gRPC tells it. */
export interface PeerAddress {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

interface Connection {
  readonly address: string;
  readonly socket: Socket;
  /** Ends its stay. */
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
  /** Connections on which nobody has shown the token, by peer. */
  readonly #strangers = new Map<string, Connection>();
  readonly #strangersOf = new Map<string, number>();
  readonly #refusals = new Map<string, Refusals>();

  /** @param now monotonic, ms */
  constructor(limits: GuardLimits = guardLimits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** A connection has come in. @returns whether it may stay; one that may not is closed */
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

  /** The token was shown on a connection: from now on it may do what a member may. */
  admit(peer: PeerAddress): void {
    this.#known(peerOf(peer));
  }

  /** Whether nobody has shown the token on this connection. */
  isStranger(peer: PeerAddress): boolean {
    return this.#strangers.has(peerOf(peer));
  }

  /** A call of something that is open to all. @returns whether it may be answered */
  allowsOpenCall(peer: PeerAddress): boolean {
    const connection = this.#strangers.get(peerOf(peer));
    return connection === undefined || ++connection.calls <= this.#limits.strangerCalls;
  }

  /** A call was refused for its token. */
  refuse(peer: PeerAddress): void {
    const { refusals, refusalWindow, shutOutFor, addresses } = this.#limits;
    const address = addressOf(peer);
    const now = this.#now();
    const known = this.#refusals.get(address);
    const current = known !== undefined && now - known.since <= refusalWindow;
    const entry = current ? known : { since: now, count: 0, shutOutUntil: known?.shutOutUntil ?? 0 };
    if (++entry.count >= refusals) entry.shutOutUntil = now + shutOutFor;
    // Anew at the end of the map, so that its first entry is the oldest.
    if (!current) this.#refusals.delete(address);
    this.#refusals.set(address, entry);
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > addresses && oldest !== undefined) this.#refusals.delete(oldest);
  }

  /** Whether an address has been refused too often lately. */
  isShutOut(peer: PeerAddress): boolean {
    return (this.#refusals.get(addressOf(peer))?.shutOutUntil ?? 0) > this.#now();
  }

  /** Closes what strangers have open. */
  close(): void {
    for (const { socket } of this.#strangers.values()) socket.destroy();
  }

  /** It is no stranger any more, or it is gone. */
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

/**
 * Whom to hold responsible: an IPv4 address, mapped into IPv6 or not; of an IPv6 address its first 64 bits, since who
 * has one has them all.
 */
export function addressOf({ remoteAddress = "" }: PeerAddress): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(remoteAddress)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const [before = "", after] = (remoteAddress.split("%")[0] ?? "").split("::");
  const head = before === "" ? [] : before.split(":");
  const tail = after === undefined || after === "" ? [] : after.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  return [...head, ...zeros, ...tail].slice(0, 4).join(":");
}
