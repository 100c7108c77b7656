/** Renders the data of a sweep into the document. Everything from it is inserted as text, never as HTML. */
import {
  Chart,
  clock,
  controlCurves,
  count,
  element,
  figure,
  replaceChildren,
  setText,
} from "../../../live-page/browser/parts.js";
import type { ShownSweep, ShownTrial } from "../messages.js";
import { trialCurves, trialData } from "./curves.js";
import { isOver, type Shown } from "./store.js";
import { ordered, rungProgress, type Column, type Order } from "./table.js";

/** Severity by state. */
const moods: Readonly<Record<ShownSweep["state"], string>> = {
  waiting: "waiting",
  training: "good",
  completed: "done",
  stopped: "done",
  failed: "bad",
};

/** More would slow the page down. */
const rowsShown = 500;

const metricNames = { eval_loss: "Evaluation loss", exact_match: "Exact match" } as const;

export class View {
  readonly #chart = new Chart(element("loss-chart"), []);
  #order: Order = { by: "trial", isDescending: false };
  #columns = "";
  #shown: Shown | undefined;

  constructor() {
    controlCurves([this.#chart]);
  }

  show(shown: Shown): void {
    this.#shown = shown;
    const { status, trials, curves } = shown;
    document.body.classList.remove("stale");
    setText("connection", isOver(shown) ? "the sweep is over" : "live");
    showStatus(status, trials);
    this.#showHead(status);
    showTrials(status, ordered(trials, this.#order));
    this.#chart.show(trialData(curves), trialCurves(curves, status.best));
  }

  /** The connection is lost; shows the time of the last update. */
  showSilence(since: Date): void {
    document.body.classList.add("stale");
    setText("connection", `disconnected; last update at ${clock(since, new Date())}`);
  }

  /** Made again only if the columns are others, so that buttons keep the focus. */
  #showHead({ settings, metric }: ShownSweep): void {
    const columns: readonly (readonly [Column, string])[] = [
      ["trial", "Trial"],
      ["value", metricNames[metric]],
      ["state", "State"],
      ["step", "Step"],
      ["loss", "Loss"],
      ...settings.map((name, index) => [index, name] as const),
    ];
    const text = JSON.stringify(columns);
    if (text === this.#columns) return;
    this.#columns = text;
    const cells = columns.map(([by, title]) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.className = classOf(by);
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = title;
      button.addEventListener("click", () => this.#sort(by, cells));
      cell.append(button);
      return cell;
    });
    replaceChildren("trials-head", cells);
    this.#markOrder(
      cells,
      columns.findIndex(([by]) => by === this.#order.by),
    );
  }

  #sort(by: Column, cells: readonly HTMLTableCellElement[]): void {
    const isSame = this.#order.by === by;
    const isBestFirst = by === "value" && this.#shown?.status.metric === "exact_match";
    this.#order = { by, isDescending: isSame ? !this.#order.isDescending : isBestFirst };
    this.#markOrder(cells, typeof by === "number" ? by + fixedColumns.length : fixedColumns.indexOf(by));
    if (this.#shown !== undefined) showTrials(this.#shown.status, ordered(this.#shown.trials, this.#order));
  }

  #markOrder(cells: readonly HTMLTableCellElement[], sorted: number): void {
    cells.forEach((cell, index) => {
      if (index === sorted) cell.ariaSort = this.#order.isDescending ? "descending" : "ascending";
      else cell.removeAttribute("aria-sort");
    });
  }
}

const fixedColumns: readonly Column[] = ["trial", "value", "state", "step", "loss"];

const classOf = (by: Column): string =>
  typeof by === "number" ? "setting" : by === "trial" || by === "state" ? "" : "number";

function showStatus(status: ShownSweep, trials: readonly ShownTrial[]): void {
  const { sweep, model, version, state, detail, metric, rung, rungs, best, workers } = status;
  const { there, all } = rungProgress(trials, rung);
  const isLast = rung + 1 >= rungs.length;
  const inRung = all === 0 ? 0 : there / all;
  // Rungs cost about the same: each has fewer trials, which are trained further.
  const share = state === "completed" ? 1 : (rung + inRung) / Math.max(1, rungs.length);
  document.title = `${Math.floor(share * 100)} % · ${sweep}`;
  setText("sweep", sweep);
  setText("model", model);
  setText("version", `Coxswain ${version}`);
  setText("state", state);
  element("state").dataset["mood"] = moods[state];
  setText("detail", detail ?? "");
  element("progress").setAttribute("value", String(share));
  const upTo = isLast ? "the end of the run" : `${figure((rungs[rung] ?? 1) * 100)} % of the run`;
  const arrived = `${count(there)} of ${count(all)} trials`;
  const pruned = trials.filter((trial) => trial.state === "pruned").length;
  setText(
    "progress-text",
    rungs.length === 1
      ? `${arrived} have ended`
      : [
          `rung ${rung + 1} of ${rungs.length}, up to ${upTo}`,
          `${arrived} are there`,
          ...(pruned > 0 ? [`${count(pruned)} pruned`] : []),
        ].join(" · "),
  );
  const leader = trials.find(({ trial }) => trial === best);
  setText("best-title", leader?.state === "completed" ? "Best trial" : "Leading trial");
  setText("best", best === null ? "–" : String(best));
  setText("value-title", metricNames[metric]);
  setText("value", metricText(leader?.value, metric));
  const of = (...states: readonly ShownTrial["state"][]): string =>
    count(trials.filter((trial) => states.includes(trial.state)).length);
  setText("running", of("training", "starting"));
  setText("waiting", of("waiting"));
  setText("workers-count", count(workers));
}

function metricText(value: number | null | undefined, metric: ShownSweep["metric"]): string {
  if (value === null || value === undefined || metric === "eval_loss") return figure(value);
  return `${(value * 100).toFixed(1)} %`;
}

function showTrials({ best, metric }: ShownSweep, trials: readonly ShownTrial[]): void {
  const shown = trials.slice(0, rowsShown);
  replaceChildren(
    "trials",
    shown.map((trial) => rowOf(trial, trial.trial === best, metric)),
  );
  const more = trials.length - shown.length;
  element("more-trials").hidden = more === 0;
  setText("more-trials", `and ${count(more)} more, which other orders of the table show`);
}

/** Before a trial was trained to its end, none is the best. */
const placeOf = ({ state }: ShownTrial): string => (state === "completed" ? "best" : "leads");

function rowOf(trial: ShownTrial, isBest: boolean, metric: ShownSweep["metric"]): HTMLTableRowElement {
  const row = document.createElement("tr");
  if (isBest) row.className = "best";
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = `${trial.trial}${isBest ? ` ★ ${placeOf(trial)}` : ""}`;
  row.append(head);
  const cell = (text: string, className = ""): HTMLTableCellElement => {
    const made = row.insertCell();
    made.textContent = text;
    made.className = className;
    return made;
  };
  cell(metricText(trial.value, metric), "number");
  const state = cell("");
  const name = document.createElement("span");
  name.dataset["state"] = trial.state;
  name.textContent = trial.state;
  state.append(name);
  if (trial.reason !== null) {
    const reason = document.createElement("small");
    reason.textContent = trial.reason;
    state.append(reason);
  }
  const total = trial.total_steps === null ? "" : ` of ${count(trial.total_steps)}`;
  cell(`${count(trial.step)}${total}`, "number");
  cell(figure(trial.loss), "number");
  for (const setting of trial.settings) cell(setting, "setting");
  return row;
}
