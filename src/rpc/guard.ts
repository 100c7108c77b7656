/**
 * Limits unauthenticated callers: their connections, and the bytes and calls on each. Handles sockets and addresses
 * only, neither tokens nor messages.
 */
import type { Socket } from "node:net";
import { Crowd, addressOf } from "../connections/index.js";
import type { PeerAddress } from "../connections/index.js";
import { Callers } from "./callers.js";
import { guardLimits } from "./guard-limits.js";
import type { GuardLimits } from "./guard-limits.js";

/** Why a connection or a call was turned away: the label of a metric. */
export type TurnedAway = "connections" | "rate" | "displaced" | "expired" | "bytes" | "calls" | "refused";

/** Interval at which bytes are looked at, ms. */
const lookEvery = 25;

interface Stranger {
  /** The peer. */
  readonly key: string;
  readonly address: string;
  readonly socket: Socket;
  /** Closes it. */
  readonly timer: NodeJS.Timeout;
  calls: number;
  refusals: number;
}

export class ConnectionGuard {
  readonly #limits: GuardLimits;
  readonly #callers: Callers;
  readonly #onTurnedAway: (why: TurnedAway) => void;
  /** Unauthenticated connections, by peer. */
  readonly #strangers = new Map<string, Stranger>();
  /** The same by address; those of addresses that have presented the token give way last. */
  readonly #unknown = new Crowd<Stranger>();
  readonly #known = new Crowd<Stranger>();
  /** All connections, authenticated ones included. */
  #connections = 0;
  #looking: NodeJS.Timeout | undefined;

  /** @param now monotonic, ms */
  constructor(
    limits: GuardLimits = guardLimits,
    now: () => number = () => performance.now(),
    onTurnedAway: (why: TurnedAway) => void = () => undefined,
  ) {
    this.#limits = limits;
    this.#callers = new Callers(limits, now);
    this.#onTurnedAway = onTurnedAway;
  }

  /** Registers a new connection. @returns whether it is accepted; otherwise it is closed */
  accept(socket: Socket): boolean {
    const { strangers, strangerStay, connections } = this.#limits;
    const address = addressOf(socket);
    if (!this.#callers.connects(address)) return this.#turnAway(socket, "rate");
    if (this.#strangers.size >= strangers || this.#connections >= connections) {
      const gives = this.#unknown.givesWay() ?? this.#known.givesWay();
      if (gives === undefined) return this.#turnAway(socket, "connections");
      this.#close(gives, "displaced");
    }
    this.#add(address, socket, strangerStay);
    return true;
  }

  /** The token was sent on a connection: the limits no longer apply to it. */
  admit(peer: PeerAddress): void {
    this.#callers.admit(addressOf(peer));
    this.#forget(this.#strangers.get(peerOf(peer)));
  }

  /**
   * Registers a call, to whatever method. On a connection that has presented the token, it always may.
   * @returns whether the connection may have it; otherwise it is closed
   */
  calls(peer: PeerAddress): boolean {
    const stranger = this.#strangers.get(peerOf(peer));
    if (stranger === undefined || ++stranger.calls <= this.#limits.strangerCalls) return true;
    this.#callers.refuse(stranger.address);
    this.#close(stranger, "calls");
    return false;
  }

  /** Registers a call that needs no token. @returns whether it may be answered */
  allowsOpenCall(peer: PeerAddress): boolean {
    const stranger = this.#strangers.get(peerOf(peer));
    if (stranger === undefined || this.#callers.calls(stranger.address)) return true;
    this.refuse(peer);
    return false;
  }

  /** Registers a call that was refused: for its token, its method or its kind. Many of them close the connection. */
  refuse(peer: PeerAddress): void {
    this.#callers.refuse(addressOf(peer));
    const stranger = this.#strangers.get(peerOf(peer));
    // Not before the caller has read why.
    if (stranger !== undefined && ++stranger.refusals > this.#limits.connectionRefusals)
      this.#close(stranger, "refused");
  }

  /** Closes all unauthenticated connections. */
  close(): void {
    for (const stranger of [...this.#strangers.values()]) this.#close(stranger);
  }

  #turnAway(socket: Socket, why: TurnedAway): false {
    socket.on("error", () => undefined).destroy();
    this.#onTurnedAway(why);
    return false;
  }

  #add(address: string, socket: Socket, stay: number): void {
    const timer = setTimeout(() => this.#close(stranger, "expired"), stay).unref();
    const stranger: Stranger = { key: peerOf(socket), address, socket, timer, calls: 0, refusals: 0 };
    this.#strangers.set(stranger.key, stranger);
    (this.#callers.isKnown(address) ? this.#known : this.#unknown).add(address, stranger);
    this.#connections++;
    this.#looking ??= setInterval(() => this.#look(), lookEvery).unref();
    socket.once("close", () => {
      this.#connections--;
      this.#forget(stranger);
    });
  }

  #close(stranger: Stranger, why?: TurnedAway): void {
    this.#forget(stranger);
    // Not while the library handles what came on it: it could answer on a stream that has ended.
    setImmediate(() => stranger.socket.destroy());
    if (why !== undefined) this.#onTurnedAway(why);
  }

  /** It has authenticated or closed. */
  #forget(stranger: Stranger | undefined): void {
    if (stranger === undefined) return;
    clearTimeout(stranger.timer);
    // A later connection may have the same peer.
    if (this.#strangers.get(stranger.key) === stranger) this.#strangers.delete(stranger.key);
    this.#unknown.remove(stranger.address, stranger);
    this.#known.remove(stranger.address, stranger);
    if (this.#strangers.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }

  /** Closes connections that have sent too much: each, and the largest of all. */
  #look(): void {
    const { strangerBytes, strangersBytes } = this.#limits;
    let total = 0;
    const sizes = Array.from(this.#strangers.values(), (stranger) => ({ stranger, bytes: stranger.socket.bytesRead }));
    for (const { bytes } of sizes) total += bytes;
    sizes.sort((one, other) => other.bytes - one.bytes);
    for (const { stranger, bytes } of sizes) {
      if (bytes <= strangerBytes && total <= strangersBytes) break;
      total -= bytes;
      this.#callers.refuse(stranger.address);
      this.#close(stranger, "bytes");
    }
  }
}

const peerOf = ({ remoteAddress = "", remotePort = 0 }: PeerAddress): string => `${remoteAddress} ${remotePort}`;
