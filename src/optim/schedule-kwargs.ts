/** Reads `training.lr_scheduler_kwargs`: validates names and types; does not know their meaning. */
import { CoxswainError } from "../errors.js";

/** As in the run file. */
export type ScheduleKwargs = Readonly<Record<string, number | string>>;

interface NumberRules {
  /** Default 0. */
  readonly min?: number;
  /** Whether `min` itself is refused. Default false. */
  readonly exclusive?: boolean;
  /** Whether fractions are refused. Default false. */
  readonly whole?: boolean;
}

/** A problem of one key. */
export const kwargsError = (key: string, what: string, hint: string): CoxswainError =>
  new CoxswainError("config", `training.lr_scheduler_kwargs.${key} ${what}`, { hint });

/** The options of one scheduler. */
export class KwargsReader {
  readonly #type: string;
  readonly #kwargs: ScheduleKwargs;
  readonly #accepted: string;

  /**
   * @param type the scheduler, for messages
   * @param accepted every key that it has
   * @throws CoxswainError "config" for an unknown key
   */
  constructor(type: string, kwargs: ScheduleKwargs, accepted: readonly string[]) {
    this.#type = type;
    this.#kwargs = kwargs;
    this.#accepted =
      accepted.length === 0
        ? `lr_scheduler_type ${type} has no options.`
        : `lr_scheduler_type ${type} has the options ${accepted.join(", ")}.`;
    const unknown = Object.keys(kwargs).find((key) => !accepted.includes(key));
    if (unknown !== undefined)
      throw kwargsError(unknown, `is not an option of the scheduler "${type}"`, this.#accepted);
  }

  /**
   * An optional number.
   * @throws CoxswainError "config" when it is not one, or not within the rules
   */
  number(key: string, rules: NumberRules = {}): number | undefined {
    const value = this.#kwargs[key];
    if (value === undefined) return undefined;
    const { min = 0, exclusive = false, whole = false } = rules;
    const fits = typeof value === "number" && Number.isFinite(value) && (exclusive ? value > min : value >= min);
    if (fits && (!whole || Number.isInteger(value))) return value;
    const kind = whole ? "a whole number" : "a number";
    throw kwargsError(
      key,
      `must be ${kind} ${exclusive ? "above" : "from"} ${min}${exclusive ? "" : " up"}, not ${JSON.stringify(value)}`,
      this.#accepted,
    );
  }

  /**
   * A required number.
   * @throws CoxswainError "config" when it is
   */
  requiredNumber(key: string, rules: NumberRules = {}): number {
    const value = this.number(key, rules);
    if (value !== undefined) return value;
    throw kwargsError(key, `is missing: the scheduler "${this.#type}" requires it`, this.#accepted);
  }

  /**
   * One of some words, or the default if omitted.
   * @throws CoxswainError "config" for another word
   */
  choice<Choice extends string>(key: string, choices: readonly Choice[], byDefault: Choice): Choice {
    const value = this.#kwargs[key];
    if (value === undefined) return byDefault;
    const choice = choices.find((word) => word === value);
    if (choice !== undefined) return choice;
    throw kwargsError(key, `must be one of ${choices.join(", ")}, not ${JSON.stringify(value)}`, this.#accepted);
  }
}
