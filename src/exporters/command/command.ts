/**
 * `telemetry.exec`: a command of the user that gets every line of `metrics.jsonl` on its standard input. Training never
 * waits for it: lines wait in bounded memory. A command that fails is started again, less and less often; one that ends
 * with exit code 0 wants no more lines.
 */
import { closeSync } from "node:fs";
import { detach, nextWait, type BackOff } from "../../async/index.js";
import type { Clock, Timer } from "../../clock.js";
import { openOwnFile } from "../../own-files.js";
import { storageTrouble } from "../../storage/index.js";
import type { EvalLine, StepLine } from "../../telemetry/index.js";
import type { Exporter, ExporterTrouble } from "../exporter.js";
import { LineBuffer } from "./line-buffer.js";
import { CommandProcess, type CommandEnd } from "./process.js";

export interface CommandOptions {
  /** Text for the shell, or a program with its arguments. */
  readonly command: string | readonly string[];
  /** What the command finds in its environment. */
  readonly environment: NodeJS.ProcessEnv;
  /** File to which its output is appended. */
  readonly logPath: string;
  readonly clock: Clock;
}

/** Maximum number of waiting lines: about 3 MB. */
export const bufferCapacity = 10_000;
const backOff: BackOff = { first: 1_000, last: 60_000 };
/** A longer end of the command is announced, ms. */
const quietTime = 3_000;
/** How long the command may take after its last line, and after SIGTERM, ms. */
const finishingTime = 30_000;
const terminationTime = 5_000;
const exporter = "telemetry.exec";

export class CommandExporter implements Exporter {
  readonly #options: CommandOptions;
  readonly #log: number;
  readonly #lines = new LineBuffer(bufferCapacity);
  readonly #told = new Set<string>();
  #report: (trouble: ExporterTrouble) => void = () => undefined;
  #process: CommandProcess | undefined;
  #restart: Timer | undefined;
  #wait = backOff.first;
  #restarts = 0;
  /** No further process is started. */
  #isOver = false;

  /** @throws CoxswainError "storage" if its log cannot be opened */
  constructor(options: CommandOptions) {
    this.#options = options;
    try {
      this.#log = openOwnFile(options.logPath, "append");
    } catch (error) {
      throw storageTrouble(error, options.logPath);
    }
  }

  begin(report: (trouble: ExporterTrouble) => void): void {
    this.#report = report;
    this.#start();
  }

  step(line: StepLine): void {
    this.#push(line);
  }

  evaluation(line: EvalLine): void {
    this.#push(line);
  }

  event(): void {
    // Lines of metrics.jsonl alone.
  }

  /** Lines after that step are sent again. */
  rewound(): void {
    return;
  }

  /** Passes on what waits, closes the command's input, and waits for it to end; then SIGTERM, then SIGKILL. */
  async close(): Promise<void> {
    this.#restart?.cancel();
    // The last attempt for lines that wait because the command has failed.
    if (this.#process === undefined && !this.#isOver && this.#lines.length > 0) this.#start();
    this.#isOver = true;
    const last = this.#process;
    if (last !== undefined) await this.#finish(last);
    const lost = this.#lines.dropped + this.#lines.length;
    if (lost > 0) this.#tell("lost", `${lost} lines of metrics.jsonl did not reach the command`);
    closeSync(this.#log);
  }

  #push(line: object): void {
    if (this.#isOver) return;
    const before = this.#lines.dropped;
    this.#lines.push(JSON.stringify(line));
    if (this.#lines.dropped > before)
      this.#tell("slow", `the command is too slow: ${bufferCapacity} lines wait, and the oldest are dropped`);
    this.#pump();
  }

  #pump(): void {
    while (this.#process?.isReady === true) {
      const line = this.#lines.take();
      if (line === undefined) break;
      this.#process.send(line);
    }
    if (this.#isOver && this.#lines.length === 0) this.#process?.endInput();
  }

  #start(): void {
    const { command, environment } = this.#options;
    const started = new CommandProcess({
      command,
      environment: { ...environment, COXSWAIN_EXEC_RESTARTS: String(this.#restarts) },
      log: this.#log,
      onReady: () => this.#pump(),
    });
    this.#process = started;
    detach(
      started.ended.then((end) => this.#ended(started, end)),
      () => undefined,
    );
    this.#pump();
  }

  #ended(process: CommandProcess, { kind, reason }: CommandEnd): void {
    process.abandonInput();
    this.#process = undefined;
    if (this.#isOver) {
      if (kind !== "done") this.#tell("end", reason);
      return;
    }
    const { clock, logPath } = this.#options;
    if (kind !== "failed") {
      this.#isOver = true;
      const what = kind === "done" ? `${reason} before the run did` : reason;
      this.#tell("ended", `${what}, and gets no more lines; its output is in ${logPath}`);
      return;
    }
    this.#tell("failed", `${reason}; it is started again after a while, and its output is in ${logPath}`);
    this.#restart = clock.after(this.#wait, () => {
      this.#restarts++;
      this.#start();
    });
    this.#wait = nextWait(this.#wait, backOff);
  }

  async #finish(last: CommandProcess): Promise<void> {
    const { clock } = this.#options;
    this.#pump();
    const patience = clock.after(quietTime, () =>
      this.#tell("finishing", `the run waits up to ${finishingTime / 1000} s for the command to end`),
    );
    const terminate = clock.after(finishingTime, () => last.kill("SIGTERM"));
    const kill = clock.after(finishingTime + terminationTime, () => last.kill("SIGKILL"));
    await last.ended;
    patience.cancel();
    terminate.cancel();
    kill.cancel();
  }

  #tell(kind: string, reason: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#report({ exporter, reason });
  }
}
