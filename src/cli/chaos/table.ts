/** Formats the report of a chaos run for people. Pure. */
import { goodputDefinition } from "../../chaos/index.js";
import type { ChaosReport, Difference } from "../../chaos/index.js";
import type { Colours } from "../terminal/colour.js";

const width = 18;

export function chaosTable(report: ChaosReport, colours: Colours): string {
  const { adapter, steps, failure, goodput, seconds, capacitySeconds, faults, workers } = report;
  const row = (name: string, text: string): string => `${name.padEnd(width)}${text}\n`;
  const verdict = (good: boolean, text: string): string => (good ? colours.green(text) : colours.red(text));
  let text = `\n${colours.bold(`seed ${report.seed}, ${workers} workers`)}\n\n`;
  text += colours.bold(`${"fault".padEnd(width)}${"times".padStart(5)}   next commit after: median   maximum\n`);
  for (const { fault, count, recovery } of faults) {
    const wait = recovery === null ? "none followed" : `${time(recovery.median)}${time(recovery.maximum).slice(1)}`;
    text += `${fault.padEnd(width)}${String(count).padStart(5)}${"".padStart(15)}${wait}\n`;
  }
  if (faults.length === 0) text += "no fault was injected: the run ended before the first one\n";
  text += "\n";
  if (failure !== null) text += row("run", verdict(false, `failed: ${failure}`));
  text += row("adapter", verdict(adapter.equal, bitsOf(report)));
  text += row("steps", verdict(steps.usedOnce, stepsOf(report)));
  if (failure === null && steps.firstDifference !== null)
    text += row("first difference", differenceOf(steps.firstDifference));
  text += row("committed again", `${steps.again} steps, lost with all processes that had them`);
  if (report.resynchronised > 0) text += row("replicas replaced", String(report.resynchronised));
  if (report.surprises.length > 0) text += row("unexpected exits", report.surprises.join("; "));
  text += row("time", `${seconds.disturbed.toFixed(1)} s, undisturbed ${seconds.reference.toFixed(1)} s`);
  if (goodput !== null) {
    const figures = `${(goodput * 100).toFixed(1)} % (${seconds.reference.toFixed(1)} s of ${capacitySeconds.toFixed(1)} s)`;
    text += row("goodput", colours.bold(figures));
    for (const line of goodputDefinition.split("; ")) text += `${"".padEnd(width)}${line}\n`;
  }
  return `${text}${row("everything", report.folder)}`;
}

const time = (value: number): string => `${value.toFixed(2)} s`.padStart(10);

function bitsOf({ adapter: { equal, reference, disturbed } }: ChaosReport): string {
  if (equal) return `the same bits (sha256 ${String(reference).slice(0, 16)}…)`;
  if (disturbed === null) return "none was written";
  return `DIFFERENT BITS: sha256 ${disturbed}, undisturbed ${String(reference)}`;
}

function stepsOf({ failure, steps: { expected, committed, usedOnce } }: ChaosReport): string {
  if (failure !== null) return `${committed} of ${expected}`;
  if (usedOnce) return `${committed} of ${expected}, each committed once with the full batch and the same loss`;
  return `${committed} of ${expected}, which differ from the undisturbed run`;
}

const differenceOf = ({ step, key, reference, disturbed }: Difference): string =>
  `step ${step}, ${key}: ${String(disturbed)}; undisturbed: ${String(reference)}`;
