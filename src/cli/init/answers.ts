/** The answers that `coxswain init` needs: from flags, defaults or the user. Independent of files and terminals. */
import { CoxswainError } from "../../errors.js";

export type AnswerName = "model" | "data" | "eval" | "outputDir";

export interface Question {
  readonly name: AnswerName;
  readonly flag: string;
  readonly text: string;
  /** Undefined if there is none. */
  readonly usual: string | undefined;
}

export type Answers = Readonly<Record<AnswerName, string>>;

/** What is known of the folder that the run file is written to. */
export interface Surroundings {
  readonly exists: (path: string) => boolean;
  /** The run file's name without its extension. */
  readonly name: string;
}

const defaultShare = "0.05";

/** The questions, with defaults that fit. */
export function questionsFor({ exists, name }: Surroundings): readonly Question[] {
  const first = (...paths: readonly string[]): string | undefined => paths.find(exists);
  const model = exists("model/config.json") ? "./model" : exists("config.json") ? "." : undefined;
  const data = first("train.jsonl", "data/train.jsonl", "train.parquet", "data/train.parquet", "train.csv");
  const held = first("eval.jsonl", "data/eval.jsonl", "eval.parquet", "data/eval.parquet", "eval.csv") ?? defaultShare;
  return [
    { name: "model", flag: "--model", text: "Base model (a folder or a hub id)", usual: model },
    { name: "data", flag: "--data", text: "Training data (a file, a folder or a hub data set)", usual: data },
    { name: "eval", flag: "--eval", text: "Evaluation data (the same, or a share of the training data)", usual: held },
    {
      name: "outputDir",
      flag: "--output-dir",
      text: "Folder that the run writes to",
      usual: `runs/${name === "run" ? "my-run" : name}`,
    },
  ];
}

/** A share of fewer examples than this may hold none out, or too few to say anything. */
const fewExamples = 200;

/**
 * What `data.eval` is: of few examples, a number of them instead of the default share, which may hold none out.
 * @param isGiven the user has chosen it
 */
export function heldOut(answer: string, examples: number, isGiven: boolean): string {
  if (isGiven || answer !== defaultShare || examples >= fewExamples) return answer;
  return examples < 2 ? "null" : String(Math.max(1, Math.round(examples / 10)));
}

/**
 * @param given by flags
 * @param yes take the defaults of what is not given
 * @param ask asks the user; undefined if nobody can be asked
 * @throws CoxswainError "usage" that names the flags of the missing answers
 */
export async function answersTo(
  questions: readonly Question[],
  given: Partial<Answers>,
  { yes, ask }: { readonly yes: boolean; readonly ask: ((question: Question) => Promise<string>) | undefined },
): Promise<Answers> {
  const missing = questions.filter(({ name, usual }) => given[name] === undefined && !(yes && usual !== undefined));
  if (missing.length > 0 && (yes || ask === undefined)) {
    const flags = missing.map(({ flag }) => flag).join(", ");
    const why = yes ? "there is no default for" : "stdin is not a terminal, and there is no";
    throw new CoxswainError("usage", `${why} ${flags}`, {
      hint: yes ? `Give ${flags}.` : `Give ${flags}, or --yes to take defaults.`,
    });
  }
  const answers: Record<AnswerName, string> = { model: "", data: "", eval: "", outputDir: "" };
  for (const question of questions) {
    const { name, usual } = question;
    answers[name] = given[name] ?? (yes || ask === undefined ? usual : await ask(question)) ?? "";
  }
  return answers;
}
