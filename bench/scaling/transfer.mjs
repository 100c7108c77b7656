/**
 * A pull of bulk, in pieces: request, the server's call, pieces through the server's processor, its line, the client's
 * line and the client's processor, within the window that the client grants. Lines carry pieces of different pulls one
 * after another; queues of a switch are without bound.
 */

/** Payload of a chunk on the wire, bytes. */
const chunkBytes = 256 * 1024;
/** Chunks that a server has given to its socket and that have not left. */
const writesInFlight = 4;
/** Bytes that a client lets come before it has read what came: see `bulkWindow`. */
const window = 8 * 2 ** 20;

/**
 * @param {object} pull
 * @param {import("./timeline.mjs").Timeline} pull.timeline
 * @param {import("./process.mjs").Process} pull.server
 * @param {import("./process.mjs").Process} pull.client
 * @param {number} pull.bytes payload
 * @param {number} pull.overhead bytes on the line for one of payload
 * @param {number} pull.latency seconds one way
 * @param {{ clientCall: number, serverCall: number, clientByte: number, serverByte: number }} pull.cost seconds
 * @param {number} [pull.pieceBytes] more than a chunk makes the simulation coarser and faster
 * @param {(leave: (act: () => void) => void) => number} pull.done the client's last turn: says what it costs beyond
 */
export function transfer({ timeline, server, client, bytes, overhead, latency, cost, pieceBytes = chunkBytes, done }) {
  const pieces = Math.max(1, Math.ceil(bytes / pieceBytes));
  const piece = bytes / pieces;
  const ahead = Math.max(1, Math.floor(window / piece));
  let begun = 0;
  let unsent = 0;
  let unread = 0;
  let read = 0;
  let sending = false;

  const arrive = (from) => {
    const whole = client.in.carry(piece * overhead, from);
    timeline.at(whole, () =>
      client.turn((leave) => {
        const last = ++read === pieces;
        const call = last ? cost.clientCall / 2 : 0;
        leave(() =>
          timeline.after(latency, () => {
            unread--;
            send();
          }),
        );
        return piece * cost.clientByte + call + (last ? done(leave) : 0);
      }),
    );
  };

  const depart = () => {
    const { now } = timeline;
    const gone = server.out.carry(piece * overhead, now);
    // The first byte is there one latency after it left.
    const first = gone - (piece * overhead) / server.out.bandwidth + latency;
    timeline.at(gone, () => {
      unsent--;
      send();
    });
    timeline.at(first, () => arrive(first));
  };

  function send() {
    if (sending || begun === pieces || unsent >= writesInFlight || unread >= ahead) return;
    sending = true;
    unsent++;
    unread++;
    const call = begun === 0 ? cost.serverCall : 0;
    begun++;
    server.spend(call + piece * cost.serverByte, () => {
      sending = false;
      depart();
      send();
    });
  }

  client.spend(cost.clientCall / 2, () => timeline.after(latency, send));
}
