/**
 * A process with finite resources: one event loop, which does one thing after another in order of arrival, on a host with
 * so many cores; and one network interface, which sends and receives so many bytes a second, first come, first served.
 */

/** Cores that processes share: whoever is ready first gets the next free one, for one turn of its event loop. */
export class Host {
  #free;
  #ready = [];

  constructor(timeline, cores = 1) {
    this.timeline = timeline;
    this.#free = cores;
  }

  request(run) {
    if (this.#free > 0) {
      this.#free--;
      run();
    } else this.#ready.push(run);
  }

  release() {
    const next = this.#ready.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/** One direction of a network interface. */
export class Line {
  bytes = 0;
  #freeAt = 0;

  /** @param {number} bandwidth bytes a second */
  constructor(bandwidth) {
    this.bandwidth = bandwidth;
  }

  /**
   * @param {number} from seconds: when the first byte could move
   * @returns {number} when the last byte has moved
   */
  carry(bytes, from) {
    this.bytes += bytes;
    this.#freeAt = Math.max(this.#freeAt, from) + bytes / this.bandwidth;
    return this.#freeAt;
  }
}

export class Process {
  /** Seconds that its event loop was busy. */
  cpu = 0;
  #timeline;
  #host;
  #turns = [];
  #next = 0;
  #running = false;

  /** @param {{ bandwidth: number, host?: Host }} options bandwidth in bytes a second, each way */
  constructor(timeline, { bandwidth, host = new Host(timeline) }) {
    this.#timeline = timeline;
    this.#host = host;
    this.out = new Line(bandwidth);
    this.in = new Line(bandwidth);
  }

  /**
   * One turn of the event loop: `begin` is called when it begins and says what it costs, in seconds. What is passed to
   * `leave` meanwhile is done when the turn is over: nothing is sent before.
   * @param {(leave: (act: () => void) => void) => number} begin
   */
  turn(begin) {
    this.#turns.push(begin);
    if (!this.#running) this.#start();
  }

  /** A turn of known cost. */
  spend(seconds, then) {
    this.turn((leave) => {
      leave(then);
      return seconds;
    });
  }

  #start() {
    this.#running = true;
    this.#host.request(() => this.#run());
  }

  #run() {
    const begin = this.#turns[this.#next++];
    if (this.#next > 1024 && this.#next * 2 > this.#turns.length) {
      this.#turns = this.#turns.slice(this.#next);
      this.#next = 0;
    }
    const acts = [];
    const cost = begin((act) => acts.push(act));
    this.cpu += cost;
    this.#timeline.after(cost, () => {
      for (const act of acts) act();
      // Whoever waits for the core comes first.
      if (this.#next < this.#turns.length) this.#host.request(() => this.#run());
      else {
        this.#running = false;
        this.#turns = [];
        this.#next = 0;
      }
      this.#host.release();
    });
  }
}
