/** Injects faults into a cluster, and reports each one's target and effect. */
import type { Cluster } from "./cluster.js";
import type { ChaosPlan, Fault, FaultKind } from "./plan.js";
import type { WorkerSlot } from "./worker-slot.js";

/** A line of faults.jsonl. */
export interface InjectedFault {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Since the first commit. */
  readonly seconds: number;
  readonly fault: FaultKind;
  /** "worker 1" or "coordinator". */
  readonly target: string;
  readonly pid: number;
  /** Further details, such as which byte of how many was flipped. */
  readonly [detail: string]: string | number;
}

export interface Injection {
  readonly fault: FaultKind;
  readonly target: string;
  readonly pid: number;
  readonly detail: Readonly<Record<string, string | number>>;
}

export class Injector {
  readonly #cluster: Cluster;
  readonly #plan: ChaosPlan;
  readonly #injected: (injection: Injection) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Timers that end each worker's freeze or cut: a later fault of the same kind extends the earlier one. */
  readonly #ends = new Map<string, NodeJS.Timeout>();

  /** @param injected called when a fault takes effect */
  constructor(cluster: Cluster, plan: ChaosPlan, injected: (injection: Injection) => void) {
    this.#cluster = cluster;
    this.#plan = plan;
    this.#injected = injected;
  }

  /** @returns whether there was a target */
  inject(fault: Fault): boolean {
    if (fault.kind === "kill-coordinator") return this.#killCoordinator();
    const worker = this.#choose(fault.target);
    if (worker === undefined) return false;
    const tell = (detail: Injection["detail"] = {}): void =>
      this.#injected({ fault: fault.kind, target: `worker ${worker.index}`, pid: worker.pid, detail });
    switch (fault.kind) {
      case "kill-worker":
        worker.kill();
        tell();
        return true;
      case "freeze":
        worker.freeze();
        tell({ seconds_frozen: this.#plan.freezeFor });
        this.#later(`freeze ${worker.index}`, this.#plan.freezeFor, () => worker.thaw());
        return true;
      case "cut":
        worker.network.cut(fault.manner);
        tell({ manner: fault.manner, seconds_cut: this.#plan.cutFor });
        this.#later(`cut ${worker.index}`, this.#plan.cutFor, () => worker.network.heal());
        return true;
      case "corrupt": {
        const { direction, place, mask } = fault;
        worker.network.tamper({ direction, place, mask }, ({ byte, of }) => tell({ direction, byte, of, mask }));
        return true;
      }
    }
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #killCoordinator(): boolean {
    if (!this.#cluster.coordinatorAlive) return false;
    const pid = this.#cluster.killCoordinator();
    this.#injected({ fault: "kill-coordinator", target: "coordinator", pid, detail: {} });
    return true;
  }

  /** The worker selected by a draw in [0, 1), or the next one that is alive. */
  #choose(target: number): WorkerSlot | undefined {
    const { workers } = this.#cluster;
    const first = Math.floor(target * workers.length);
    return [...workers.slice(first), ...workers.slice(0, first)].find(({ alive }) => alive);
  }

  #later(key: string, seconds: number, act: () => void): void {
    const earlier = this.#ends.get(key);
    clearTimeout(earlier);
    if (earlier !== undefined) this.#timers.delete(earlier);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#ends.delete(key);
      act();
    }, seconds * 1000);
    this.#timers.add(timer);
    this.#ends.set(key, timer);
  }
}
