/**
 * Tokenises texts in a process of its own before this process does: a tokenizer from an untrusted model may take forever,
 * all memory, or end the process, and what it does depends on the text. The same text takes the same again. For
 * tokenizers with a risk alone (`risks.ts`): the others are not slowed down.
 */
import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PendingCalls } from "../../async/index.js";
import { compiledModule } from "../../compiled.js";
import { CoxswainError } from "../../errors.js";
import { visibleLine } from "../../visible-text.js";
import type { TokenizerDefinition } from "./definition.js";

export interface RehearsalStart {
  readonly id: number;
  readonly folder: string;
  readonly definition: TokenizerDefinition;
}

export interface RehearsalRequest {
  readonly id: number;
  readonly texts?: readonly string[];
  readonly ids?: readonly number[];
  /** Of texts: with special tokens around them; of ids: without special tokens. */
  readonly flag: boolean;
}

/** `at`: one more text of the request is done. */
export type RehearsalReply = { readonly at: number } | { readonly done: number };

export interface RehearsalLimits {
  /** For one text, s. */
  readonly seconds: number;
  /** Further seconds per million characters. */
  readonly secondsPerMillion: number;
  /** Resident memory of the process, bytes. */
  readonly memory: number;
}

const defaultLimits: RehearsalLimits = { seconds: 10, secondsPerMillion: 10, memory: 2 * 2 ** 30 };

/** A process that is not used ends, ms. */
const idleTime = 30_000;
/** Between two looks at its memory and the clock, ms. */
const lookInterval = 50;

/** The text that is tokenised now, or the opening of the tokenizer. */
interface Underway {
  readonly text: string;
  readonly since: number;
}

export class Rehearsal {
  readonly #folder: string;
  readonly #definition: TokenizerDefinition;
  readonly #risks: readonly string[];
  readonly #limits: RehearsalLimits;
  #process: RehearsalProcess | undefined;
  /** One request after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(
    folder: string,
    definition: TokenizerDefinition,
    risks: readonly string[],
    limits: RehearsalLimits = defaultLimits,
  ) {
    this.#folder = folder;
    this.#definition = definition;
    this.#risks = risks;
    this.#limits = limits;
  }

  /** @throws CoxswainError "model" if opening it ends the process or exceeds a limit, as all of these do */
  open(): Promise<void> {
    return this.#request({ flag: false });
  }

  encode(texts: readonly string[], flag: boolean): Promise<void> {
    return this.#request({ texts, flag });
  }

  decode(ids: readonly number[], flag: boolean): Promise<void> {
    return this.#request({ ids, flag });
  }

  #request(request: Omit<RehearsalRequest, "id">): Promise<void> {
    const run = async (): Promise<void> => {
      if (this.#process?.isOver !== false) {
        this.#process = new RehearsalProcess(this.#limits, (how, text) => this.#refusal(how, text));
        await this.#process.ask({ folder: this.#folder, definition: this.#definition }, []);
      }
      await this.#process.ask(request, request.texts ?? [""]);
    };
    const asked = this.#last.then(run);
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  #refusal(how: string, text: string): CoxswainError {
    const what =
      text === "" ? "opening or using it" : `a text that begins with ${JSON.stringify(visibleLine(text, 40))}`;
    return new CoxswainError(
      "model",
      `${this.#folder}/tokenizer.json: ${what} ${how}, because of ${this.#risks.join(", ")}`,
      { hint: "Use another model: this tokenizer cannot be relied on to end." },
    );
  }
}

class RehearsalProcess {
  readonly #child: ChildProcess;
  readonly #calls = new PendingCalls();
  readonly #limits: RehearsalLimits;
  readonly #refusal: (how: string, text: string) => CoxswainError;
  readonly #look: NodeJS.Timeout;
  #texts: readonly string[] = [];
  #underway: Underway | undefined;
  #idle: NodeJS.Timeout | undefined;
  isOver = false;

  constructor(limits: RehearsalLimits, refusal: (how: string, text: string) => CoxswainError) {
    this.#limits = limits;
    this.#refusal = refusal;
    const entry = fileURLToPath(compiledModule("data/tokenizer/rehearsal-entry.js"));
    this.#child = fork(entry, [], {
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child.on("message", (reply: RehearsalReply) => this.#onReply(reply));
    this.#child.once("error", () => this.#end("could not be tried: no process could be started"));
    this.#child.once("exit", (code, signal) =>
      this.#end(`ended the process that tried it (${signal ?? `exit code ${code}`})`),
    );
    this.#look = setInterval(() => this.#check(), lookInterval).unref();
    this.#hold(false);
  }

  /** @param texts what it is about, one after the other */
  async ask(
    request: Omit<RehearsalStart, "id"> | Omit<RehearsalRequest, "id">,
    texts: readonly string[],
  ): Promise<void> {
    clearTimeout(this.#idle);
    this.#hold(true);
    this.#texts = texts;
    this.#next();
    try {
      await this.#calls.call<undefined>((id) => this.#child.send({ ...request, id }));
    } finally {
      this.#underway = undefined;
      this.#hold(false);
      this.#idle = setTimeout(() => this.#end("was not used"), idleTime).unref();
    }
  }

  #onReply(reply: RehearsalReply): void {
    if ("at" in reply) this.#next();
    else this.#calls.answer(reply.done, undefined);
  }

  #next(): void {
    const [text = "", ...rest] = this.#texts;
    this.#texts = rest;
    this.#underway = { text, since: performance.now() };
  }

  /** This process ends without waiting for an idle one, and not before one that is busy. */
  #hold(busy: boolean): void {
    for (const each of [this.#child, this.#child.channel, this.#look]) {
      if (busy) each?.ref();
      else each?.unref();
    }
  }

  #check(): void {
    if (this.#underway === undefined) return;
    const { seconds, secondsPerMillion, memory } = this.#limits;
    const { text, since } = this.#underway;
    const allowed = seconds + (text.length / 1e6) * secondsPerMillion;
    if (performance.now() - since > allowed * 1000) this.#end(`takes more than ${Math.round(allowed)} seconds`);
    else if (residentMemory(this.#child.pid) > memory) this.#end(`takes more than ${memory / 2 ** 30} GiB of memory`);
  }

  #end(how: string): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.#look);
    clearTimeout(this.#idle);
    this.#calls.end(this.#refusal(how, this.#underway?.text ?? ""));
    this.#child.kill("SIGKILL");
  }
}

const pageSize = 4096;

/** Bytes; 0 where it is unknown. */
function residentMemory(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * pageSize;
  } catch {
    return 0;
  }
}
