/** The work of `coxswain init`: asks, looks, writes the run file and prints the next commands. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, parse, relative, resolve } from "node:path";
import { loadRunObject, parseRun, type LoadedRun } from "../../config/index.js";
import { CoxswainError, systemCodeOf } from "../../errors.js";
import { makeFolders } from "../../make-folders.js";
import { storageTrouble } from "../../storage/index.js";
import { thisProgram } from "../process/this-program.js";
import { progressWithNotes } from "../terminal/quiet-progress.js";
import { shortPath } from "../train/next-steps.js";
import { answersTo, heldOut, questionsFor, type Answers } from "./answers.js";
import { createAsker } from "./ask.js";
import { inspect } from "./inspect.js";
import { renderRun } from "./render.js";

export interface InitFlags {
  readonly model?: string;
  readonly data?: string;
  readonly eval?: string;
  readonly outputDir?: string;
  readonly quantization?: "auto" | "none" | "nf4";
  readonly yes?: true;
}

export async function init(file: string, flags: InitFlags): Promise<void> {
  const path = resolve(file);
  const folder = dirname(path);
  refuseExisting(path, file);
  const questions = questionsFor({ exists: (name) => existsSync(join(folder, name)), name: parse(path).name });
  const byFlags = given(flags, folder);
  const answers = await collect(questions, byFlags, flags.yes === true);
  const run = asRun(answers, folder);
  const progress = progressWithNotes();
  let text: string;
  try {
    const { quantization = "auto" } = flags;
    const found = await inspect(run, { quantization, show: progress.show, note: progress.note });
    const held = heldOut(answers.eval, found.examples, byFlags.eval !== undefined);
    text = renderRun({ ...answers, eval: held }, found);
  } finally {
    progress.close();
  }
  // A file that does not pass is an internal error, not the user's.
  parseRun(text, file);
  await write(path, file, text);
  const program = thisProgram();
  const shown = shortPath(path, process.cwd());
  const next = ["preview", "lr-find", "train"].map((command) => `${program} ${command} ${shown}`);
  process.stdout.write(`wrote ${shown}\nnext: ${next.join("\n      ")}\n`);
}

async function collect(
  questions: ReturnType<typeof questionsFor>,
  byFlags: Partial<Answers>,
  yes: boolean,
): Promise<Answers> {
  if (yes || !process.stdin.isTTY) return answersTo(questions, byFlags, { yes, ask: undefined });
  const asker = createAsker(process.stdin, process.stderr);
  try {
    return await answersTo(questions, byFlags, { yes, ask: (question) => asker.ask(question) });
  } finally {
    asker.close();
  }
}

/** Paths in flags are relative to the working folder, those in the file to the file. */
function given({ model, data, eval: held, outputDir }: InitFlags, folder: string): Partial<Answers> {
  const fromFile = (path: string): string => {
    if (isAbsolute(path) || !existsSync(path)) return path;
    const way = relative(folder, resolve(path)) || ".";
    return way.startsWith(".") ? way : `./${way}`;
  };
  const output = (path: string): string => (isAbsolute(path) ? path : relative(folder, resolve(path)) || ".");
  return {
    ...(model === undefined ? {} : { model: fromFile(model) }),
    ...(data === undefined ? {} : { data: fromFile(data) }),
    ...(held === undefined ? {} : { eval: fromFile(held) }),
    ...(outputDir === undefined ? {} : { outputDir: output(outputDir) }),
  };
}

/** @throws CoxswainError "config" for an answer that a run file cannot have */
function asRun({ model, data, eval: held, outputDir }: Answers, folder: string): LoadedRun {
  const evaluation = /^\d*\.?\d+$/.test(held) ? Number(held) : held;
  return loadRunObject({ model, output_dir: outputDir, data: { train: data, eval: evaluation } }, folder);
}

function refuseExisting(path: string, file: string): void {
  if (existsSync(path)) throw existing(file);
}

const existing = (file: string): CoxswainError =>
  new CoxswainError("usage", `${file} exists, and is not overwritten`, {
    hint: `Name another file: coxswain init ${file.replace(/(\.ya?ml|\/)?$/, "-2.yaml")}`,
  });

async function write(path: string, file: string, text: string): Promise<void> {
  try {
    await makeFolders(dirname(path));
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    throw systemCodeOf(error) === "EEXIST" ? existing(file) : storageTrouble(error, path);
  }
}
