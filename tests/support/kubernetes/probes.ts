/**
 * The probes of a container, asked as a kubelet asks them: first until the startup probe succeeds, from then on whether it is
 * ready and alive, each at its own period.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** core/v1 Probe. */
export interface Probe {
  readonly grpc?: { readonly port: number };
  readonly httpGet?: { readonly path: string; readonly port: string | number };
  readonly initialDelaySeconds?: number;
  /** As the API server fills them in. */
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export interface ProbedContainer {
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

export interface ProbeListener {
  started(): void;
  ready(is: boolean): void;
  /** The startup or the liveness probe has failed as often as it may. */
  dead(): void;
}

const script = fileURLToPath(new URL("probe.mjs", import.meta.url));

export class Probes {
  readonly #container: ProbedContainer;
  readonly #pid: number;
  readonly #listener: ProbeListener;
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;

  /** @param pid whose network namespace is the container's */
  constructor(container: ProbedContainer, pid: number, listener: ProbeListener) {
    this.#container = container;
    this.#pid = pid;
    this.#listener = listener;
    const { startupProbe } = container;
    if (startupProbe === undefined) this.#begin();
    else this.#repeat(startupProbe, (succeeded, failures) => this.#onStartup(startupProbe, succeeded, failures));
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #onStartup({ failureThreshold }: Probe, succeeded: boolean, failures: number): boolean {
    if (succeeded) this.#begin();
    else if (failures >= failureThreshold) this.#listener.dead();
    return !succeeded;
  }

  #begin(): void {
    this.#listener.started();
    const { readinessProbe, livenessProbe } = this.#container;
    if (readinessProbe === undefined) this.#listener.ready(true);
    else
      this.#repeat(readinessProbe, (succeeded, failures) => {
        if (succeeded) this.#listener.ready(true);
        else if (failures >= readinessProbe.failureThreshold) this.#listener.ready(false);
        return true;
      });
    if (livenessProbe !== undefined)
      this.#repeat(livenessProbe, (_, failures) => {
        if (failures < livenessProbe.failureThreshold) return true;
        this.#listener.dead();
        return false;
      });
  }

  /** Asks again and again, as long as `take` wants it. @param take is told how often it has failed in a row */
  #repeat(probe: Probe, take: (succeeded: boolean, failures: number) => boolean): void {
    let failures = 0;
    const ask = async (): Promise<void> => {
      const succeeded = await this.#ask(probe);
      if (this.#closed) return;
      failures = succeeded ? 0 : failures + 1;
      if (take(succeeded, failures)) this.#after(probe.periodSeconds, ask);
    };
    this.#after(probe.initialDelaySeconds ?? 0, ask);
  }

  #after(seconds: number, ask: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void ask();
    }, seconds * 1000);
    this.#timers.add(timer);
  }

  async #ask({ grpc, httpGet, timeoutSeconds }: Probe): Promise<boolean> {
    const what =
      grpc === undefined ? ["http", this.#port(httpGet!.port), httpGet!.path] : ["grpc", String(grpc.port), "-"];
    const words = ["--target", String(this.#pid), "--net", process.execPath, script, ...what];
    const [code] = (await once(spawn("nsenter", [...words, String(timeoutSeconds * 1000)]), "exit")) as [number | null];
    return code === 0;
  }

  #port(port: string | number): string {
    const named = this.#container.ports?.find(({ name }) => name === port)?.containerPort;
    return String(named ?? port);
  }
}
