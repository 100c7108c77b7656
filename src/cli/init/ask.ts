/** Asks questions in a terminal, one after the other. */
import { createInterface } from "node:readline/promises";
import { CoxswainError } from "../../errors.js";
import type { Question } from "./answers.js";

export interface Asker {
  ask(question: Question): Promise<string>;
  close(): void;
}

/** Questions go to stderr: stdout is for the result. */
export function createAsker(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Asker {
  const lines = createInterface({ input, output });
  const gone = new AbortController();
  lines.on("close", () => gone.abort());
  lines.on("SIGINT", () => lines.close());
  const next = async (prompt: string): Promise<string> => {
    try {
      return (await lines.question(prompt, { signal: gone.signal })).trim();
    } catch (error) {
      // Ctrl-C, or the end of the input (Ctrl-D).
      throw new CoxswainError("interrupted", "no answer: nothing was written", { cause: error });
    }
  };
  return {
    ask: async ({ text, usual }) => {
      for (;;) {
        const answer = await next(usual === undefined ? `${text}: ` : `${text} [${usual}]: `);
        if (answer !== "") return answer;
        if (usual !== undefined) return usual;
      }
    },
    close: () => lines.close(),
  };
}
