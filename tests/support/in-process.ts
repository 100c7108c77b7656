/** Runs commands of the program in the test's own process. Restores nothing: `vi.restoreAllMocks()` after each test. */
import { Command } from "commander";
import { vi } from "vitest";

export interface Printed {
  readonly output: string;
  readonly errors: string;
  /** Undefined if the command did not exit. */
  readonly code: number | undefined;
}

/** What was printed while `run` ran, and the exit code. */
export async function printedBy(run: () => Promise<unknown>): Promise<Printed> {
  let [output, errors] = ["", ""];
  let code: number | undefined;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => ((output += String(text)), true));
  vi.spyOn(process.stderr, "write").mockImplementation((text, done?: unknown) => {
    errors += String(text);
    if (typeof done === "function") (done as () => void)();
    return true;
  });
  vi.spyOn(process, "exit").mockImplementation((status) => {
    code = Number(status);
    return undefined as never;
  });
  await run();
  return { output, errors, code };
}

/** One command alone, registered as in the program. */
export const runCommandHere = (register: (program: Command) => void, ...line: string[]): Promise<Printed> =>
  printedBy(() => {
    const program = new Command("coxswain").exitOverride();
    register(program);
    return program.parseAsync(line, { from: "user" });
  });
