/** Limits of callers that have not presented the token. */
export interface GuardLimits {
  /** Concurrent unauthenticated connections; when there are more, one of them gives way. */
  readonly strangers: number;
  /** Lifetime of one, ms, including one that sends nothing or never finishes its TLS handshake. */
  readonly strangerStay: number;
  /** Calls on one, to whatever method. */
  readonly strangerCalls: number;
  /** Bytes received on one, and on all of them together. */
  readonly strangerBytes: number;
  readonly strangersBytes: number;
  /** Concurrent connections in total, authenticated ones included. */
  readonly connections: number;
  /** Number of refusals of one address within `refusalWindow` ms that slow it down for `slowedFor` ms. */
  readonly refusals: number;
  readonly refusalWindow: number;
  readonly slowedFor: number;
  /** Refused calls on one connection that close it. */
  readonly connectionRefusals: number;
  /** New connections of one address: at the same time, and per second after that. */
  readonly connectionBurst: number;
  readonly connectionRate: number;
  /** The same while the address is slowed down. */
  readonly slowedRate: number;
  /** Calls of one address that need no token: at the same time, and per second after that. */
  readonly openCallBurst: number;
  readonly openCallRate: number;
  /** Number of addresses that are remembered; the oldest is evicted first. */
  readonly addresses: number;
}

const KiB = 1024;

export const guardLimits: GuardLimits = {
  strangers: 1024,
  strangerStay: 30_000,
  strangerCalls: 100,
  strangerBytes: 128 * KiB,
  strangersBytes: 16 * KiB * KiB,
  connections: 8192,
  refusals: 20,
  refusalWindow: 10_000,
  slowedFor: 10_000,
  connectionRefusals: 10,
  connectionBurst: 2048,
  connectionRate: 100,
  slowedRate: 5,
  openCallBurst: 1000,
  openCallRate: 50,
  addresses: 4096,
};

/**
 * The limits where a process may have `openFiles` files open: at most half of them are connections to this port, and
 * half of these unauthenticated. The rest is for connections to workers, for metrics and, above all, for checkpoints.
 */
export const withinOpenFiles = (limits: GuardLimits, openFiles: number): GuardLimits => ({
  ...limits,
  connections: Math.min(limits.connections, Math.floor(openFiles / 2)),
  strangers: Math.min(limits.strangers, Math.floor(openFiles / 4)),
});
