/**
 * Maps enums of the protocol to the words used everywhere else: ENGINE_ONNX is "onnx" in run files, in
 * `coxswain status --json` and in messages over NATS. Pure.
 */
import { devices, engines, floatTypes } from "../config/index.js";
import { CoxswainError } from "../errors.js";

/** The values of one enum, except the first, UNSPECIFIED. */
export class EnumWords<const Word extends string, const Prefix extends string> {
  readonly #prefix: Prefix;
  readonly words: readonly Word[];

  /** @param prefix of the enum's values, such as "RUN_STATE" */
  constructor(prefix: Prefix, words: readonly Word[]) {
    this.#prefix = prefix;
    this.words = words;
  }

  /** The value to send. */
  valueOf<Given extends Word>(word: Given): `${Prefix}_${Uppercase<Given>}` {
    return `${this.#prefix}_${word.toUpperCase() as Uppercase<Given>}`;
  }

  /** The word of a received value; undefined if it is unset or unknown to this version. */
  find(value: string | number): Word | undefined {
    return this.words.find((word) => this.valueOf(word) === value);
  }

  /** @throws CoxswainError "network" if the value is unset or unknown to this version */
  read(value: string | number): Word {
    const word = this.find(value);
    if (word !== undefined) return word;
    const what = typeof value === "number" ? `${this.#prefix} ${value}` : value;
    throw new CoxswainError("network", `the other side sent ${what}, which this version does not know`, {
      hint: "Install the same version on both sides.",
    });
  }
}

export const engineWords = new EnumWords("ENGINE", engines);
export const deviceWords = new EnumWords("DEVICE", devices);
export const floatWords = new EnumWords("FLOAT_TYPE", floatTypes);
export const quantizationWords = new EnumWords("QUANTIZATION", ["nf4"]);
export const proxyWords = new EnumWords("PROXY_USE", ["none", "environment"]);
export const taskWords = new EnumWords("TASK", ["train", "evaluate", "generate"]);

type WordOf<Words> = Words extends EnumWords<infer Word, string> ? Word : never;

export type EngineWord = WordOf<typeof engineWords>;
export type DeviceWord = WordOf<typeof deviceWords>;
