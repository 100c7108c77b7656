/** A run's history as the live page shows it, in bounded memory: from the lines of metrics.jsonl and events.jsonl. */
import type { EvalLine, RunEvent, RunListener, Sample, StepLine } from "../telemetry/index.js";
import type { EarlierRun, EvaluationPoint, ShownEvent, ShownSample, Snapshot, StepPoint, Update } from "./messages.js";
import { Series } from "./series.js";

/** Maximum number of points of a curve: about as many as a screen can show. */
const pointsShown = 800;

const eventsShown = 100;

/** What the run's files hold. */
export interface RunPast {
  metrics(): readonly (StepLine | EvalLine)[];
  events(): readonly RunEvent[];
  /** Absent: samples are not shown. */
  readonly samples?: () => readonly Sample[];
}

export class LiveRecord implements RunListener {
  readonly #past: RunPast;

  readonly #steps = new Series<StepPoint>(pointsShown, mergeSteps);
  readonly #evaluations = new Series<EvaluationPoint>(pointsShown, mergeEvaluations);
  readonly #show: (event: RunEvent) => Omit<ShownEvent, "id">;
  #events: ShownEvent[] = [];
  #eventCount = 0;
  /** Of the newest evaluation. */
  #samples: readonly ShownSample[] = [];
  #toldSamples: readonly ShownSample[] = this.#samples;
  #earlier: readonly EarlierRun[] = [];
  #toldEarlier = this.#earlier;
  /** Number of the newest event in an update. */
  #toldEvents = 0;

  /**
   * @param past read immediately, and its metrics again if the run goes back
   * @param show which details of an event may be shown
   * @throws CoxswainError "storage" if the past cannot be read
   */
  constructor(past: RunPast, show: (event: RunEvent) => Omit<ShownEvent, "id">) {
    this.#past = past;
    this.#show = show;
    this.rewound();
    for (const event of past.events()) this.event(event);
  }

  step(line: StepLine): void {
    this.#steps.add(stepPoint(line));
  }

  evaluation(line: EvalLine): void {
    this.#evaluations.add(evaluationPoint(line));
  }

  event(event: RunEvent): void {
    this.#events.push({ id: ++this.#eventCount, ...this.#show(event) });
    if (this.#events.length > eventsShown) this.#events.shift();
  }

  samples(samples: readonly Sample[]): void {
    if (this.#past.samples === undefined) return;
    const newest = samples.at(-1)?.step;
    this.#samples = samples.filter(({ step }) => step === newest).map(shownSample);
  }

  /** @param runs to compare this one with, newest first */
  earlier(runs: readonly EarlierRun[]): void {
    this.#earlier = runs;
  }

  /** Steps cannot be removed from points that combine several, so the rest is read again. */
  rewound(): void {
    const lines = this.#past.metrics();
    this.#steps.reset(lines.flatMap((line) => ("loss" in line ? [stepPoint(line)] : [])));
    this.#evaluations.reset(lines.flatMap((line) => ("loss" in line ? [] : [evaluationPoint(line)])));
    this.samples(this.#past.samples?.() ?? []);
  }

  snapshot(): Omit<Snapshot, "status"> {
    const samples = this.#samples;
    const earlier = this.#earlier;
    return {
      steps: this.#steps.points,
      evaluations: this.#evaluations.points,
      events: [...this.#events],
      ...(samples.length === 0 ? {} : { samples }),
      ...(earlier.length === 0 ? {} : { earlier }),
    };
  }

  /** The changes since the last call; undefined if there are none. */
  takeUpdate(): Omit<Update, "status"> | undefined {
    const steps = this.#steps.takeTail();
    const evaluations = this.#evaluations.takeTail();
    const events = this.#events.filter(({ id }) => id > this.#toldEvents);
    this.#toldEvents = this.#eventCount;
    const samples = this.#samples === this.#toldSamples ? undefined : this.#samples;
    this.#toldSamples = this.#samples;
    const earlier = this.#earlier === this.#toldEarlier ? undefined : this.#earlier;
    this.#toldEarlier = this.#earlier;
    if ([steps, evaluations, samples, earlier].every((part) => part === undefined) && events.length === 0)
      return undefined;
    return {
      ...(steps === undefined ? {} : { steps }),
      ...(evaluations === undefined ? {} : { evaluations }),
      ...(events.length === 0 ? {} : { events }),
      ...(samples === undefined ? {} : { samples }),
      ...(earlier === undefined ? {} : { earlier }),
    };
  }
}

const stepPoint = (line: StepLine): StepPoint => ({
  step: line.step,
  steps: 1,
  loss: line.loss,
  learningRate: line.learning_rate,
  gradNorm: line.grad_norm,
  tokensPerSecond: line.tokens_per_second,
});

const evaluationPoint = ({ step, eval_loss: loss, eval_exact_match: exactMatch }: EvalLine): EvaluationPoint => ({
  step,
  steps: 1,
  loss,
  ...(exactMatch === undefined ? {} : { exactMatch }),
});

/** A page with hundreds of samples stays within some megabytes. */
const longestSample = 10_000;
const shown = (text: string): string => (text.length > longestSample ? `${text.slice(0, longestSample - 1)}…` : text);

/** Of a conversation, the last message. */
function shownSample({ step, prompt, completion }: Sample): ShownSample {
  const content: unknown = typeof prompt === "string" ? prompt : Reflect.get(prompt.at(-1) ?? {}, "content");
  return { step, prompt: shown(typeof content === "string" ? content : ""), completion: shown(completion) };
}

/** Means over the steps of both. */
function mergeSteps(one: StepPoint, next: StepPoint): StepPoint {
  const steps = one.steps + next.steps;
  const mean = (of: (point: StepPoint) => number): number => (of(one) * one.steps + of(next) * next.steps) / steps;
  return {
    step: next.step,
    steps,
    loss: mean(({ loss }) => loss),
    learningRate: mean(({ learningRate }) => learningRate),
    gradNorm: mean(({ gradNorm }) => gradNorm),
    tokensPerSecond: mean(({ tokensPerSecond }) => tokensPerSecond),
  };
}

/** An evaluation concerns a state, not steps: the newer one represents both. */
const mergeEvaluations = (one: EvaluationPoint, next: EvaluationPoint): EvaluationPoint => ({
  ...next,
  steps: one.steps + next.steps,
});
