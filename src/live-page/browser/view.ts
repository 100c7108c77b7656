/** Renders the page's data into the document. Everything from the run is inserted as text, never as HTML. */
import type { ShownEvent, ShownSample, ShownStatus, ShownWorker } from "../messages.js";
import { Chart } from "./charts.js";
import { earlierCurves, lossCurves, stepCurve, type Curve } from "./curves.js";
import { controlCurves } from "./curve-controls.js";
import { element, input, replaceChildren, row, setText } from "./dom.js";
import { clock, count, details, duration, figure, words } from "./format.js";
import { isOver, type Shown } from "./store.js";

/** Severity by state. */
const moods: Readonly<Record<string, string>> = {
  training: "good",
  evaluating: "good",
  completed: "done",
  failed: "bad",
  stopped: "done",
};

const ownCurves: readonly Curve[] = [
  { label: "training", colour: "--first" },
  { label: "evaluation", colour: "--second", dots: true, dash: [6, 4], exact: true },
];

export class View {
  #shown: Shown | undefined;
  readonly #charts = {
    loss: new Chart(element("loss-chart"), ownCurves),
    learningRate: new Chart(element("learning-rate-chart"), [
      { label: "learning rate", colour: "--first", exact: true },
    ]),
    tokens: new Chart(element("tokens-chart"), [{ label: "tokens per second", colour: "--first" }]),
    gradNorm: new Chart(element("grad-norm-chart"), [{ label: "gradient norm", colour: "--first" }]),
  };

  constructor() {
    controlCurves(Object.values(this.#charts));
    input("earlier").addEventListener("change", () => this.#showLoss());
  }

  show(shown: Shown): void {
    document.body.classList.remove("stale");
    setText("connection", isOver(shown) ? "the run is over" : "live");
    this.#showStatus(shown.status);
    showFigures(shown);
    showWorkers(shown.status.workers);
    showSamples(shown.samples ?? []);
    showEvents(shown.events);
    this.#shown = shown;
    this.#showLoss();
    this.#charts.learningRate.show(stepCurve(shown, ({ learningRate }) => learningRate));
    this.#charts.tokens.show(stepCurve(shown, ({ tokensPerSecond }) => tokensPerSecond));
    this.#charts.gradNorm.show(stepCurve(shown, ({ gradNorm }) => gradNorm));
  }

  #showLoss(): void {
    if (this.#shown === undefined) return;
    const { earlier = [] } = this.#shown;
    element("earlier-control").hidden = earlier.length === 0;
    const drawn = input("earlier").checked ? earlier : [];
    this.#charts.loss.show(lossCurves({ ...this.#shown, earlier: drawn }), [...earlierCurves(drawn), ...ownCurves]);
  }

  /** The connection is lost; shows the time of the last update. */
  showSilence(since: Date): void {
    document.body.classList.add("stale");
    setText("connection", `disconnected; last update at ${clock(since, new Date())}`);
  }

  #showStatus({ run, model, version, state, detail, step, totalSteps, epoch, secondsLeft }: ShownStatus): void {
    const share = totalSteps === 0 ? 0 : step / totalSteps;
    document.title = `${Math.floor(share * 100)} % · ${run}`;
    setText("run", run);
    setText("model", model);
    setText("version", `Coxswain ${version}`);
    setText("state", state);
    element("state").dataset["mood"] = moods[state] ?? "waiting";
    setText("detail", detail ?? "");
    element("progress").setAttribute("value", String(share));
    const left = secondsLeft === null || secondsLeft === 0 ? [] : [`${duration(secondsLeft)} left`];
    setText(
      "progress-text",
      [
        `step ${count(step)} of ${count(totalSteps)}`,
        ...(epoch === null ? [] : [`epoch ${figure(epoch)}`]),
        ...left,
      ].join(" · "),
    );
  }
}

function showFigures({ status, steps, evaluations }: Shown): void {
  const last = steps.at(-1);
  setText("loss", figure(last?.loss));
  const evaluation = evaluations.at(-1);
  setText("eval-loss", figure(evaluation?.loss));
  element("exact-match-figure").hidden = evaluation?.exactMatch === undefined;
  setText("exact-match", `${((evaluation?.exactMatch ?? 0) * 100).toFixed(1)} %`);
  setText("learning-rate", figure(last?.learningRate));
  setText("grad-norm", figure(last?.gradNorm));
  setText("tokens", figure(last?.tokensPerSecond));
  setText("step-time", duration(status.secondsPerStep));
  setText("workers-count", count(status.workers.filter(({ state }) => state === "active").length));
  setText("checkpoint", status.checkpoint === null ? "–" : count(status.checkpoint.step));
}

function showWorkers(workers: readonly ShownWorker[]): void {
  const fastest = Math.max(...workers.map(({ tokensPerSecond }) => tokensPerSecond ?? 0), Number.MIN_VALUE);
  replaceChildren(
    "workers",
    workers.map(({ id, state, late, device, tokensPerSecond }) => {
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = (tokensPerSecond ?? 0) / fastest;
      return row([id, late ? "late" : state, device ?? "–", figure(tokensPerSecond), bar]);
    }),
  );
  element("no-workers").hidden = workers.length > 0;
}

function showSamples(samples: readonly ShownSample[]): void {
  element("samples-card").hidden = samples.length === 0;
  const [first] = samples;
  if (first === undefined) return;
  setText("samples-step", `Samples after step ${count(first.step)}`);
  replaceChildren(
    "samples",
    samples.map(({ prompt, completion }) => row([prompt, completion])),
  );
}

function showEvents(events: readonly ShownEvent[]): void {
  replaceChildren(
    "events",
    events.toReversed().map(({ time, event, details: values }) => {
      const item = document.createElement("li");
      item.dataset["event"] = event;
      const when = document.createElement("time");
      when.dateTime = time;
      when.textContent = clock(new Date(time), new Date());
      const what = document.createElement("strong");
      what.textContent = words(event);
      const more = document.createElement("span");
      more.textContent = details(values);
      item.append(when, what, more);
      return item;
    }),
  );
}
