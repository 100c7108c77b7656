/** The error of a failed call: the other side refused it or is gone, or its data was damaged. */
import { CoxswainError } from "../errors.js";

export class CallFailed extends CoxswainError {
  /**
   * @param reason for people
   * @param connectionLost another attempt needs a new connection: this one is broken, stalled or delivers damaged data
   */
  constructor(
    reason: string,
    readonly connectionLost: boolean,
    cause?: unknown,
  ) {
    super("network", reason, { cause });
  }
}
