/**
 * A run in real processes, measured before and while it is attacked: how fast `/healthz` answers, how much memory the
 * coordinator takes, how fast steps go on, whether workers stay. In the end its adapter is compared with that of an
 * undisturbed run.
 */
import { spawn } from "node:child_process";
import { setMaxListeners } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, readSync, readdirSync, fstatSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { CoxswainProcess, coxswain, program, temporaryFolder, writeRun } from "../processes.js";
import { eventLines, smallRun } from "../runs.js";
import { WatchedProcess } from "../watched-process.js";
import { HealthProbe } from "./health-probe.js";

const MiB = 1024 * 1024;

/** The token of the run, which strangers do not have. */
export const token = "0123456789abcdef0123456789abcdef";

export interface AttackedRunOptions {
  readonly cluster?: object;
  readonly training?: object;
  readonly telemetry?: object;
  /** Default 2. */
  readonly workers?: number;
  /** `ulimit -n` of the coordinator. Default: that of the tests. */
  readonly openFiles?: number;
  /** Whether the run has a token. Default true. */
  readonly withToken?: boolean;
}

/** What an attack has done. */
export interface Figures {
  /** Of `/healthz` during the attack, over a new connection each time: 99th percentile, ms. */
  readonly healthz: number;
  /** Growth of the coordinator's resident memory, bytes: the most during the attack. */
  readonly growth: number;
  /** Steps per second during the attack over those before. */
  readonly rate: number;
  /** Workers that left since the run began. */
  readonly dropped: number;
}

/** What must hold during an attack, on two cores that the attacker shares. */
export function expectUnharmed(figures: Figures): void {
  expect(figures).toMatchObject({ dropped: 0 });
  expect(figures.healthz).toBeLessThan(250);
  expect(figures.growth).toBeLessThan(100 * MiB);
  expect(figures.rate).toBeGreaterThan(0.6);
}

/** Steps that the rate is measured over, before and during an attack. */
const measuredSteps = 150;

const coordinators: WatchedProcess[] = [];
afterAll(async () => {
  for (const { child } of coordinators) child.kill("SIGKILL");
  await Promise.all(coordinators.map(({ finished }) => finished));
});

export class AttackedRun {
  readonly folder = temporaryFolder();
  readonly output = join(this.folder, "out");
  /** Of the coordinator. */
  port = 0;
  /** Of `telemetry.http`. */
  httpPort = 0;
  readonly #run: { readonly training: object };
  readonly #env: { readonly COXSWAIN_TOKEN: string };
  readonly #coordinator: WatchedProcess;
  readonly #workers: CoxswainProcess[] = [];

  private constructor({ cluster, training, telemetry, openFiles, withToken = true }: AttackedRunOptions) {
    // The number of steps is not known before the attack is over, and must not change a step.
    const schedule = { max_steps: 100_000, lr_scheduler_type: "constant", save_steps: 50, ...training };
    this.#run = smallRun({
      ...(cluster === undefined ? {} : { cluster }),
      training: schedule,
      telemetry: { http: "127.0.0.1:0", ...telemetry },
      compute: { threads: 1 },
    }) as { training: object };
    this.#env = { COXSWAIN_TOKEN: withToken ? token : "" };
    const limit = openFiles === undefined ? "" : `ulimit -n ${openFiles} && `;
    const words = ["-c", `${limit}exec "$0" "$@"`, process.execPath, program];
    const child = spawn("bash", [...words, "coordinator", writeRun(this.folder, this.#run)], {
      env: { ...process.env, NO_COLOR: "1", ...this.#env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#coordinator = new WatchedProcess(child);
    coordinators.push(this.#coordinator);
  }

  /** Resolves once all workers take part and steps are committed. */
  static async start(options: AttackedRunOptions = {}): Promise<AttackedRun> {
    const run = new AttackedRun(options);
    const [, port, httpPort] = await run.#coordinator.until(
      /listening on 127\.0\.0\.1:(\d+), metrics on http:\/\/127\.0\.0\.1:(\d+)/,
    );
    run.port = Number(port);
    run.httpPort = Number(httpPort);
    const { workers = 2 } = options;
    for (let index = 0; index < workers; index++) run.addWorker();
    await run.untilWorkers(workers);
    await run.untilStep(run.step + 20);
    return run;
  }

  addWorker(): void {
    const args = ["worker", "--coordinator", `127.0.0.1:${this.port}`, "--http", "none"];
    this.#workers.push(new CoxswainProcess(args, { env: this.#env }));
  }

  /** The newest committed step. */
  get step(): number {
    return this.#lastLine?.step ?? 0;
  }

  /** Resolves once so many workers take part in a step. */
  untilWorkers(count: number): Promise<void> {
    return this.#until(() => this.#lastLine?.workers === count);
  }

  untilStep(step: number): Promise<void> {
    return this.#until(() => this.step >= step);
  }

  /** Resolves once a checkpoint of a later step than the newest is complete. */
  async untilCheckpoint(): Promise<void> {
    const { step } = this;
    await this.#until(() => this.#checkpoints().some((saved) => saved > step));
  }

  /** Resident memory of the coordinator, bytes. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.#coordinator.child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** The value of a counter with this label; 0 if it has none yet. */
  async metric(name: string, label: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/metrics`);
    const line = (await response.text()).split("\n").find((text) => text.startsWith(`${name}{${label}}`));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  /** Processor time of the coordinator so far, ms. */
  get processorTime(): number {
    const stat = readFileSync(`/proc/${this.#coordinator.child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // Fields 14 and 15, in hundredths of a second.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  /** Resolves once the coordinator takes at most so many bytes. */
  untilMemory(most: number): Promise<void> {
    return this.#until(() => this.memory <= most);
  }

  /** Workers that left. */
  get dropped(): number {
    return eventLines(this.output).filter(({ event }) => event === "worker_left").length;
  }

  /**
   * Attacks until as many steps are committed as were measured before.
   * @param attack ends with the signal
   */
  async under(attack: (signal: AbortSignal) => Promise<unknown>): Promise<Figures> {
    const busyAt = this.processorTime;
    let quiet = await this.#millisecondsFor(measuredSteps);
    const quietCpu = (this.processorTime - busyAt) / quiet;
    const attackedAt = this.processorTime;
    const before = this.memory;
    let growth = 0;
    const watching = setInterval(() => (growth = Math.max(growth, this.memory - before)), 20);
    const probe = new HealthProbe(this.httpPort);
    const over = new AbortController();
    // One for each connection of the attack.
    setMaxListeners(0, over.signal);
    try {
      const attacking = attack(over.signal);
      const failing = attacking.then(() => new Promise<never>(() => undefined));
      const disturbed = await Promise.race([this.#millisecondsFor(measuredSteps), failing]);
      const healthz = await probe.stop();
      over.abort();
      await attacking;
      // The machine may do other things, too: as fast as at the slower of before and after.
      quiet = Math.max(quiet, await this.#millisecondsFor(measuredSteps));
      // To look at them.
      if (process.env["COXSWAIN_TEST_FIGURES"] === "1")
        console.log({
          quietCpu,
          attackedCpu: (this.processorTime - attackedAt) / disturbed,
          healthz,
          growth: growth / MiB,
          rate: quiet / disturbed,
        });
      return { healthz, growth, rate: quiet / disturbed, dropped: this.dropped };
    } finally {
      over.abort();
      clearInterval(watching);
      await probe.stop();
    }
  }

  /** Stops the run. @returns whether the adapter of its last checkpoint is, to the bit, that of an undisturbed run of as many steps */
  async endsWithTheSameBits(): Promise<boolean> {
    const stopped = await coxswain(["stop", this.output], { env: this.#env });
    if (stopped.code !== 0) throw new Error(`the run could not be stopped: ${stopped.stderr}`);
    await Promise.all([this.#coordinator, ...this.#workers].map(({ finished }) => finished));
    const folder = temporaryFolder();
    const training = { ...this.#run.training, max_steps: this.step };
    const undisturbed = await coxswain(["train", writeRun(folder, { ...this.#run, training, workers: 2 })]);
    if (undisturbed.code !== 0) throw new Error(`the undisturbed run failed: ${undisturbed.stderr}`);
    const name = join("checkpoints", `step-${String(this.step).padStart(6, "0")}`, "adapter_model.safetensors");
    return readFileSync(join(this.output, name)).equals(readFileSync(join(folder, "out", name)));
  }

  async #millisecondsFor(steps: number): Promise<number> {
    const start = performance.now();
    await this.untilStep(this.step + steps);
    return performance.now() - start;
  }

  /** The last complete line of metrics.jsonl. */
  get #lastLine(): { readonly step: number; readonly workers: number } | undefined {
    const line = lastBytes(join(this.output, "metrics.jsonl"), 2048).split("\n").at(-2);
    return line === undefined ? undefined : (JSON.parse(line) as { step: number; workers: number });
  }

  /** Steps of complete checkpoints. */
  #checkpoints(): number[] {
    const folder = join(this.output, "checkpoints");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? [])
      .map(Number);
  }

  /** Looks at what the coordinator has written, until it is so or the coordinator ends. */
  async #until(isSo: () => boolean): Promise<void> {
    const { child } = this.#coordinator;
    while (!isSo()) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the run ended:\n${this.#coordinator.stdout}\n${this.#coordinator.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function lastBytes(path: string, most: number): string {
  if (!existsSync(path)) return "";
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(most, size));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString();
  } finally {
    closeSync(file);
  }
}
