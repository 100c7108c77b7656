/**
 * How much of what members cause is recorded: each of them, and all together, fill a bucket that drains at a steady rate.
 * The limits are far above what an honest cluster needs, where hundreds of workers come and go in one instant.
 */
interface Limit {
  /** Records in one instant. */
  readonly burst: number;
  /** Records per second in the long run. */
  readonly rate: number;
}

const perMember: Limit = { burst: 60, rate: 1 };
/** At most 500 characters of others' text each: 4 MB, and then 5 MB per hour. */
const together: Limit = { burst: 6_000, rate: 2 };

/** Members whose buckets are known; of more, those that have been quiet longest are forgotten. */
const membersKnown = 4_096;

/** What was omitted is told at most this often, ms. */
const tellingInterval = 60_000;

class Bucket {
  readonly #limit: Limit;
  #level = 0;
  #at: number;

  constructor(limit: Limit, now: number) {
    this.#limit = limit;
    this.#at = now;
  }

  hasRoom(now: number): boolean {
    const { burst, rate } = this.#limit;
    this.#level = Math.max(0, this.#level - (Math.max(0, now - this.#at) / 1000) * rate);
    this.#at = now;
    return this.#level + 1 <= burst;
  }

  fill(): void {
    this.#level++;
  }
}

export class MemberBudget {
  /** Wall clock, ms. */
  readonly #now: () => number;
  readonly #all: Bucket;
  readonly #members = new Map<string, Bucket>();
  #omitted = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(now: () => number) {
    this.#now = now;
    this.#all = new Bucket(together, now());
  }

  /** How many records were omitted and may be told of now. */
  get omitted(): number {
    return this.#now() - this.#toldAt < tellingInterval ? 0 : this.#omitted;
  }

  /** How many records were omitted since the last call. */
  takeOmitted(): number {
    const omitted = this.#omitted;
    this.#omitted = 0;
    this.#toldAt = this.#now();
    return omitted;
  }

  /** Whether something that a member caused may be recorded, which then counts. */
  allows(member: string): boolean {
    const now = this.#now();
    const own = this.#bucketOf(member, now);
    const allowed = own.hasRoom(now) && this.#all.hasRoom(now);
    if (allowed) for (const bucket of [own, this.#all]) bucket.fill();
    else this.#omitted++;
    return allowed;
  }

  #bucketOf(member: string, now: number): Bucket {
    const bucket = this.#members.get(member) ?? new Bucket(perMember, now);
    // The order of a map is that of insertion: the first is the one that has been quiet longest.
    this.#members.delete(member);
    this.#members.set(member, bucket);
    const [oldest] = this.#members.keys();
    if (this.#members.size > membersKnown && oldest !== undefined) this.#members.delete(oldest);
    return bucket;
  }
}
