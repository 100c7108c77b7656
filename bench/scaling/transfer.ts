/**
 * A pull of bulk, in pieces: request, the server's call, pieces through the server's processor, its line, the client's
 * line and the client's processor, within the window that the client grants. Lines carry pieces of different pulls one
 * after another; the queues of switches are without bound.
 */
import type { VirtualTime } from "../../tests/support/simulation/virtual-clock.js";
import type { Processor } from "./processor.js";

/** Payload of a chunk on the wire, bytes. */
const chunkBytes = 256 * 1024;
/** Chunks that a server has given to its socket and that have not left. */
const writesInFlight = 4;
/** Bytes that a client lets come before it has read what came: see `bulkWindow`. */
const window = 8 * 2 ** 20;

export interface Transfer {
  readonly time: VirtualTime;
  readonly server: Processor;
  readonly client: Processor;
  /** Bytes on the line per byte of payload. */
  readonly overhead: number;
  /** One way, ms. */
  readonly latency: number;
  /** Processor time, ms: per call at either end, per byte at either end. */
  readonly cost: {
    readonly clientCall: number;
    readonly serverCall: number;
    readonly clientByte: number;
    readonly serverByte: number;
  };
  /** More than a chunk makes the simulation coarser and faster. */
  readonly pieceBytes?: number | undefined;
}

/**
 * @param bytes payload
 * @param serve runs at the server; returns false if nobody waits for an answer
 * @param done runs at the client, in the turn that reads the last piece
 */
export function transfer(options: Transfer, bytes: number, serve: () => boolean, done: () => void): void {
  const { time, server, client, latency, cost } = options;
  client.busy(cost.clientCall / 2, () =>
    time.at(time.now + latency, () =>
      server.turn(() => {
        if (!serve()) return;
        server.spend(cost.serverCall);
        sendPieces(options, bytes, done);
      }),
    ),
  );
}

/** Called in the server's turn that begins to answer. */
function sendPieces(
  { time, server, client, overhead, latency, cost, pieceBytes = chunkBytes }: Transfer,
  bytes: number,
  done: () => void,
): void {
  const pieces = Math.max(1, Math.ceil(bytes / pieceBytes));
  const piece = bytes / pieces;
  const onLine = piece * overhead;
  const ahead = Math.max(1, Math.floor(window / piece));
  let begun = 0;
  let unsent = 0;
  let unread = 0;
  let read = 0;
  let sending = false;

  const granted = (): void => {
    unread--;
    next();
  };
  const left = (): void => {
    unsent--;
    next();
  };
  const arrive = (from: number): void => {
    time.at(client.receives.carry(onLine, from), () =>
      client.turn(() => {
        client.spend(piece * cost.clientByte);
        client.leave(() => time.at(time.now + latency, granted));
        if (++read < pieces) return;
        client.spend(cost.clientCall / 2);
        done();
      }),
    );
  };
  const depart = (): void => {
    const gone = server.sends.carry(onLine, time.now);
    // The first byte is there one latency after it left.
    const first = gone - onLine / server.sends.bandwidth + latency;
    time.at(gone, left);
    time.at(first, () => arrive(first));
  };
  /** Within a turn of the server. */
  const send = (): void => {
    sending = true;
    unsent++;
    unread++;
    begun++;
    server.spend(piece * cost.serverByte);
    server.leave(() => {
      sending = false;
      depart();
      next();
    });
  };
  const next = (): void => {
    if (!sending && begun < pieces && unsent < writesInFlight && unread < ahead) {
      sending = true;
      server.turn(send);
    }
  };
  send();
}
