/**
 * Rendering and tokenising chats, compared with Python: the rate of coxswain's token store (which also determines the
 * labels, and writes the tokens to disk) and of `apply_chat_template` and the tokenizer of transformers, both with all
 * cores, each side in its own process; then the next start, which uses the tokens again.
 *
 *     npm run build && node bench/tokenise.mjs [--lines 20000] [--files a.jsonl,b.parquet] [--rounds 3]
 *                                              [--python FOLDER/bin/python] [--model FOLDER] [--smoke]
 *
 * Without --files the chats are made of the project's own documentation. `--python ""` omits the other side; it reads
 * JSONL only. The other side needs transformers and jinja2 only.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, python, quickstartModel, readOptions, root, smollm2 } from "./shared.mjs";

const options = readOptions(
  { lines: 20_000, files: undefined, rounds: 3, python, model: smollm2, side: undefined, cache: undefined },
  { lines: 300, rounds: 1, model: quickstartModel, python: "" },
);

/** Paragraphs of the documentation, drawn with a seed, as chats of one to three turns. */
function writeChats(file, lines) {
  const docs = join(root, "docs");
  const pages = readdirSync(docs).filter((name) => name.endsWith(".md"));
  const texts = pages
    .sort()
    .flatMap((name) => readFileSync(join(docs, name), "utf8").split(/\n{2,}/))
    .map((text) => text.trim())
    .filter(({ length }) => length > 30 && length < 600);
  let state = 12345;
  const below = (count) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const text = () => texts[below(texts.length)];
  const turn = (index) => [
    { role: "user", content: `${text().slice(0, 200)} ${index}` },
    { role: "assistant", content: text() },
  ];
  const chat = (index) => ({ messages: Array.from({ length: 1 + below(3) }, () => turn(index)).flat() });
  writeFileSync(file, Array.from({ length: lines }, (_, index) => `${JSON.stringify(chat(index))}\n`).join(""));
}

/** This process is one side: prints its figures as JSON. */
async function measure(file) {
  const { buildTokenStore, openTokenizer } = await import("../dist/data/index.js");
  const tokenizer = await openTokenizer(options.model);
  let peak = 0;
  const notePeak = () => (peak = Math.max(peak, process.memoryUsage.rss()));
  const watch = setInterval(notePeak, 50);
  const start = performance.now();
  const { statistics, fingerprint } = await buildTokenStore({
    source: file,
    tokenizer,
    cacheDir: options.cache,
    data: {
      format: "auto",
      turns: "all",
      max_length: 1024,
      packing: true,
      assistant_only_loss: true,
      completion_only_loss: true,
      chat_template: null,
      chat_template_kwargs: {},
    },
  });
  const seconds = (performance.now() - start) / 1000;
  clearInterval(watch);
  notePeak();
  const { user, system } = process.cpuUsage();
  console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6, peak, tokens: statistics.tokens, fingerprint }));
}

function run(program, words) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

function compare(files) {
  const self = fileURLToPath(import.meta.url);
  const peer = fileURLToPath(new URL("./tokenise_peer.py", import.meta.url));
  for (const file of files) {
    const sides = { coxswain: [], again: [], transformers: [] };
    for (let round = 0; round < options.rounds; round++) {
      const cache = mkdtempSync(join(tmpdir(), "coxswain-tokens-"));
      const own = () => run(process.execPath, [self, "--side", file, "--model", options.model, "--cache", cache]);
      sides.coxswain.push(own());
      sides.again.push(own());
      rmSync(cache, { recursive: true });
      if (options.python !== "" && file.endsWith(".jsonl")) {
        sides.transformers.push(run(options.python, [peer, options.model, file]));
      }
    }
    print(file, sides);
  }
}

function print(file, sides) {
  const [first] = sides.coxswain;
  const megabytes = statSync(file).size / 1e6;
  console.log(
    `${file}: ${megabytes.toFixed(1)} MB, ${first.tokens} tokens, fingerprint ${first.fingerprint.slice(0, 16)}`,
  );
  console.log(
    `${"".padEnd(14)}${"seconds".padStart(10)}${"tokens/s".padStart(12)}${"CPU s".padStart(10)}${"peak MB".padStart(10)}`,
  );
  for (const [name, runs] of Object.entries(sides)) {
    if (runs.length === 0) continue;
    const of = (key) => median(runs.map((one) => one[key]));
    const rate = (of("tokens") / of("seconds")).toFixed(0);
    console.log(
      `${name.padEnd(14)}${of("seconds").toFixed(2).padStart(10)}${rate.padStart(12)}` +
        `${of("cpu").toFixed(1).padStart(10)}${(of("peak") / 1e6).toFixed(0).padStart(10)}`,
    );
  }
  const ratios = sides.transformers.map(({ seconds }, round) => seconds / sides.coxswain[round].seconds);
  if (ratios.length > 0)
    console.log(`ratio of rates, round by round: ${ratios.map((one) => one.toFixed(2)).join(", ")}`);
}

if (options.side !== undefined) await measure(options.side);
else if (options.files !== undefined) compare(options.files.split(","));
else {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-chats-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "chats.jsonl");
  writeChats(file, options.lines);
  compare([file]);
}
