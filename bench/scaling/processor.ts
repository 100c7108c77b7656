/**
 * A simulated process with finite resources: an event loop, which runs one callback at a time in order of arrival, on a
 * host with a number of cores; and a network interface, which sends and receives a number of bytes per second, first
 * come, first served.
 */
import type { Timer } from "../../src/clock.js";
import { VirtualProcess } from "../../tests/support/simulation/virtual-clock.js";
import type { VirtualTime } from "../../tests/support/simulation/virtual-clock.js";

/** Cores that processes share: the process that is ready first gets the next free one, for one turn of its event loop. */
export class Host {
  #free: number;
  readonly #ready: (() => void)[] = [];

  constructor(cores = 1) {
    this.#free = cores;
  }

  request(run: () => void): void {
    if (this.#free > 0) {
      this.#free--;
      run();
    } else this.#ready.push(run);
  }

  release(): void {
    const next = this.#ready.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** One direction of a network interface. */
export class Line {
  /** Bytes carried so far. */
  bytes = 0;
  /** Bytes per ms. */
  readonly bandwidth: number;
  #freeAt = 0;

  constructor(bandwidth: number) {
    this.bandwidth = bandwidth;
  }

  /**
   * @param from when the first byte can move, ms
   * @returns when the last byte has moved
   */
  carry(bytes: number, from: number): number {
    this.bytes += bytes;
    this.#freeAt = Math.max(this.#freeAt, from) + bytes / this.bandwidth;
    return this.#freeAt;
  }
}

/** One turn of the event loop, while its callback and the promise continuations of that run. */
interface Turn {
  /** Processor time, ms. */
  cost: number;
  readonly leaving: (() => void)[];
}

export interface ProcessorOptions {
  /** Identifies the process in messages: the id of its worker. */
  readonly name: string;
  /** Bytes per ms, in each direction. */
  readonly bandwidth: number;
  /** Default: a host with one core for this process alone. */
  readonly host?: Host;
}

/** A process whose callbacks take the processor time that is charged while they run. */
export class Processor extends VirtualProcess {
  readonly name: string;
  readonly sends: Line;
  readonly receives: Line;
  /** Processor time so far, ms. */
  cpu = 0;
  readonly #time: VirtualTime;
  readonly #host: Host;
  readonly #waiting: (() => void)[] = [];
  #running = false;
  #turn: Turn | undefined;

  constructor(time: VirtualTime, { name, bandwidth, host = new Host() }: ProcessorOptions) {
    super(time, 0);
    this.name = name;
    this.sends = new Line(bandwidth);
    this.receives = new Line(bandwidth);
    this.#time = time;
    this.#host = host;
  }

  /** Within a turn, time passes as it is charged. */
  override now(): number {
    return super.now() + (this.#turn?.cost ?? 0);
  }

  /** Everything that happens in this process is a turn of its event loop. */
  override arrive(delay: number, callback: () => void): Timer {
    let cancelled = false;
    const timer = super.arrive(delay + (this.#turn?.cost ?? 0), () =>
      this.turn(() => {
        if (!cancelled) callback();
      }),
    );
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  /** Runs the callback when the event loop and a core are free. */
  turn(callback: () => void): void {
    this.#waiting.push(callback);
    if (this.#running) return;
    this.#running = true;
    this.#host.request(() => this.#run());
  }

  /** A turn of known cost. @param then runs when it is over @param cost ms */
  busy(cost: number, then: () => void): void {
    this.turn(() => {
      this.spend(cost);
      this.leave(then);
    });
  }

  /** Charges processor time to the current turn, ms. */
  spend(cost: number): void {
    this.#current.cost += cost;
  }

  /** Runs `act` when the current turn is over: nothing is sent before. */
  leave(act: () => void): void {
    this.#current.leaving.push(act);
  }

  get #current(): Turn {
    if (this.#turn === undefined) throw new Error(`${this.name} does something outside of its event loop`);
    return this.#turn;
  }

  #run(): void {
    const turn: Turn = { cost: 0, leaving: [] };
    this.#turn = turn;
    this.#waiting.shift()?.();
    this.#time.settled(() => {
      this.#turn = undefined;
      this.cpu += turn.cost;
      this.#time.at(this.#time.now + turn.cost, () => this.#end(turn));
    });
  }

  #end({ leaving }: Turn): void {
    for (const act of leaving) act();
    // A process that waits for the core comes first.
    if (this.#waiting.length > 0) this.#host.request(() => this.#run());
    else this.#running = false;
    this.#host.release();
  }
}
