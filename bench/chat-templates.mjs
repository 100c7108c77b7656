// Rendering chat templates beside Python's jinja2, on the same templates and conversations.
//
//   npm run build && node bench/chat-templates.mjs            # about 10 s a side
//   node bench/chat-templates.mjs --seconds 0.2               # smoke
//   node bench/chat-templates.mjs --python .venv/bin/python   # with transformers (tests/peers/setup.sh): both sides
//
// Prints, for each template, microseconds per rendering (median of the rounds), ours and jinja2's, and their ratio.
// Templates are compiled once, as in a run; conversations go in as JSON's objects, as the data reader gives them.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ChatTemplate } from "../dist/data/index.js";

const { values: options } = parseArgs({
  options: { seconds: { type: "string", default: "1" }, python: { type: "string" }, cases: { type: "string" } },
});
const cases = options.cases ?? new URL("chat_templates.json", import.meta.url).pathname;
const { templates, conversations } = JSON.parse(readFileSync(cases, "utf8"));
const budget = Number(options.seconds);

/** Microseconds per rendering: the median of rounds over all conversations. */
function measure(source) {
  const template = new ChatTemplate(source, { specialTokens: {}, controlTokens: new Set(), origin: "the bench" });
  const rounds = [];
  let characters;
  const end = performance.now() + budget * 1000;
  do {
    const start = performance.now();
    characters = 0;
    for (const conversation of conversations) characters += template.render(conversation).length;
    rounds.push((performance.now() - start) / conversations.length);
  } while (performance.now() < end);
  rounds.sort((a, b) => a - b);
  return { microseconds: rounds[Math.floor(rounds.length / 2)] * 1000, characters };
}

const ours = Object.fromEntries(Object.entries(templates).map(([name, source]) => [name, measure(source)]));
const script = new URL("chat_templates.py", import.meta.url).pathname;
const theirs =
  options.python === undefined
    ? null
    : JSON.parse(execFileSync(options.python, [script, cases, String(budget)], { encoding: "utf8" }));

console.log("template          us/rendering   jinja2's   ratio");
for (const [name, { microseconds, characters }] of Object.entries(ours)) {
  const peer = theirs?.[name];
  if (peer !== undefined && peer.characters !== characters) throw new Error(`${name}: the texts differ`);
  const beside =
    peer === undefined
      ? ""
      : `${peer.microseconds.toFixed(1).padStart(11)}${(microseconds / peer.microseconds).toFixed(2).padStart(8)}`;
  console.log(`${name.padEnd(16)}${microseconds.toFixed(1).padStart(14)}${beside}`);
}
