/** The error of a run that ended its process: another attempt would end the next one. */
import { CoxswainError } from "../errors.js";

export class ProcessEnded extends CoxswainError {
  /** @param how "was ended by SIGABRT" */
  constructor(how: string, hint: string) {
    super("cluster", `the process of the run ${how}`, { hint });
  }
}
