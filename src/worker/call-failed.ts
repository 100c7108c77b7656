/** How a transport says that a call failed: the other side refused, is gone, or what it sent was damaged. */
import { CoxswainError } from "../errors.js";

export class CallFailed extends CoxswainError {
  /**
   * @param reason for people
   * @param connectionLost another attempt needs a fresh connection: this one is broken, or delivers nothing or damage
   */
  constructor(
    reason: string,
    readonly connectionLost: boolean,
    cause?: unknown,
  ) {
    super("network", reason, { cause });
  }
}
