/**
 * What members have requested and not read yet, over all of them together. Whoever reads nothing for too long is
 * refused; when memory is used up, so is the one that has been read least recently, and the others wait. Does not
 * depend on streams.
 */
import type { Clock, Timer } from "../../clock.js";

/** One for model files, one for everything that a step waits for: neither waits for the other. */
export interface AllSends {
  readonly files: Sends;
  readonly vectors: Sends;
}

export interface SendLimits {
  /** Bytes of everything that is kept because somebody has not read it yet. */
  readonly memory: number;
  /** Time without progress, ms. */
  readonly timeout: number;
}

/** Objects that are kept however large they are: two states in flight, for workers that join and for those that apply. */
const objectsAllowed = 4;

/** Calls in progress: each takes tens of kilobytes itself. More than all workers of a large run have at the same time. */
const callsAllowed = 1024;

/** Whoever has made progress within this time, ms, is not refused for others. */
const grace = 1_000;

/** Interval at which calls are looked at, ms. */
const lookEvery = 250;

/** A call that is being answered. */
export interface Sending {
  /** The peer has taken something. */
  readonly progress: () => void;
  /** Resolves once memory for `bytes` may be used; the caller releases it exactly once. Rejects when the call ends. */
  hold(bytes: number): Promise<() => void>;
  /**
   * The call keeps an object alive that others may keep, too, until it ends or shares another. Resolves once there is
   * memory for it.
   */
  share(object: unknown, bytes: number): Promise<void>;
  /** The call is over. Idempotent. */
  end(): void;
}

interface Call {
  readonly cut: (reason: string) => void;
  at: number;
  isOver: boolean;
}

interface Shared {
  readonly bytes: number;
  readonly calls: Set<Call>;
}

interface Waiting {
  readonly call: Call;
  readonly fits: () => boolean;
  readonly begin: () => void;
  readonly fail: (error: Error) => void;
}

/** @param limits of both together @param onCut as for `Sends` */
export function openSends({ memory, timeout }: SendLimits, clock: Clock, onCut?: () => void): AllSends {
  const each = { memory: memory / 2, timeout };
  return { files: new Sends(each, clock, onCut), vectors: new Sends(each, clock, onCut) };
}

export class Sends {
  readonly #limits: SendLimits;
  readonly #clock: Clock;
  readonly #onCut: () => void;
  readonly #calls = new Set<Call>();
  readonly #shared = new Map<unknown, Shared>();
  /** First come, first served. */
  #waiting: Waiting[] = [];
  #held = 0;
  #timer: Timer | undefined;

  /** @param onCut called for every call that is refused while it is answered */
  constructor(limits: SendLimits, clock: Clock, onCut: () => void = () => undefined) {
    this.#limits = limits;
    this.#clock = clock;
    this.#onCut = onCut;
  }

  /** Bytes that are kept. */
  get held(): number {
    return this.#held;
  }

  /** @param cut ends the call with a reason, which calls `end` */
  begin(cut: (reason: string) => void): Sending {
    const call: Call = { cut, at: this.#clock.now(), isOver: false };
    this.#calls.add(call);
    this.#timer ??= this.#clock.every(lookEvery, () => this.#look());
    return {
      progress: () => (call.at = this.#clock.now()),
      hold: (bytes) => this.#hold(call, bytes),
      share: (object, bytes) => this.#share(call, object, bytes),
      end: () => this.#end(call),
    };
  }

  #hold(call: Call, bytes: number): Promise<() => void> {
    return this.#when(
      call,
      () => this.#held === 0 || this.#held + bytes <= this.#limits.memory,
      () => {
        this.#held += bytes;
        let isHeld = true;
        return () => {
          if (!isHeld) return;
          isHeld = false;
          this.#release(bytes);
        };
      },
    );
  }

  #share(call: Call, object: unknown, bytes: number): Promise<void> {
    this.#release(this.#unshare(call));
    return this.#when(
      call,
      () => this.#shared.has(object) || this.#shared.size < objectsAllowed || this.#held + bytes <= this.#limits.memory,
      () => {
        const shared = this.#shared.get(object) ?? { bytes, calls: new Set() };
        if (shared.calls.size === 0) this.#held += bytes;
        this.#shared.set(object, shared);
        shared.calls.add(call);
      },
    );
  }

  #when<T>(call: Call, fits: () => boolean, take: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (call.isOver) reject(gone());
      else if (this.#waiting.length === 0 && fits()) resolve(take());
      else {
        this.#waiting.push({ call, fits, begin: () => resolve(take()), fail: reject });
        this.#makeRoom();
      }
    });
  }

  #release(bytes: number): void {
    this.#held -= bytes;
    for (let [next] = this.#waiting; next?.fits() === true; [next] = this.#waiting) {
      this.#waiting.shift();
      // Its wait was ours, not its peer's.
      next.call.at = this.#clock.now();
      next.begin();
    }
  }

  #end(call: Call): void {
    if (call.isOver) return;
    call.isOver = true;
    this.#calls.delete(call);
    const left = this.#waiting.filter((waiting) => waiting.call === call);
    this.#waiting = this.#waiting.filter((waiting) => waiting.call !== call);
    for (const { fail } of left) fail(gone());
    this.#release(this.#unshare(call));
    if (this.#calls.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** @returns the bytes that nobody keeps any more */
  #unshare(call: Call): number {
    for (const [object, { bytes, calls }] of this.#shared) {
      if (!calls.delete(call)) continue;
      if (calls.size > 0) return 0;
      this.#shared.delete(object);
      return bytes;
    }
    return 0;
  }

  #look(): void {
    const late = this.#clock.now() - this.#limits.timeout;
    const waits = new Set(this.#waiting.map(({ call }) => call));
    for (const call of [...this.#calls])
      if (call.at <= late && !waits.has(call)) this.#cut(call, "nothing of the answer was read for too long");
    while (this.#calls.size > callsAllowed && this.#cutIdlest(lookEvery));
    this.#makeRoom();
  }

  #makeRoom(): void {
    while (this.#waiting.length > 0 && this.#cutIdlest(grace));
  }

  /** @returns whether there was one without progress for so long, ms, which does not wait for memory itself */
  #cutIdlest(atLeast: number): boolean {
    const waits = new Set(this.#waiting.map(({ call }) => call));
    let idlest: Call | undefined;
    for (const call of this.#calls)
      if (!waits.has(call) && (idlest === undefined || call.at < idlest.at)) idlest = call;
    if (idlest === undefined || idlest.at > this.#clock.now() - atLeast) return false;
    this.#cut(idlest, "the memory for unread answers is used up: read faster, or try again");
    return true;
  }

  #cut(call: Call, reason: string): void {
    this.#onCut();
    call.cut(reason);
    this.#end(call);
  }
}

const gone = (): Error => new Error("the call has ended");
