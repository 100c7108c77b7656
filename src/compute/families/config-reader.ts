/** Typed reading of a model's config.json: a wrong or missing key is an error that names it. */
import { join } from "node:path";
import { CoxswainError } from "../../errors.js";
import type { ModelFolder } from "../../model/index.js";

export class ConfigReader {
  readonly #values: Readonly<Record<string, unknown>>;
  /** "folder/config.json" or "folder/config.json: rope_scaling", for messages. */
  readonly where: string;

  private constructor(values: Readonly<Record<string, unknown>>, where: string) {
    this.#values = values;
    this.where = where;
  }

  static of(model: ModelFolder): ConfigReader {
    return new ConfigReader(model.config, join(model.path, "config.json"));
  }

  /** An error about this file. */
  fail(message: string, hint?: string): CoxswainError {
    return new CoxswainError("model", `${this.where}: ${message}`, hint === undefined ? {} : { hint });
  }

  #invalid(message: string): CoxswainError {
    return this.fail(message, "Correct the key, or fetch the model's config.json again.");
  }

  /** Absent and null are equivalent, as in transformers. */
  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  raw(key: string): unknown {
    return this.#values[key];
  }

  /** @param fallback for an absent key; if omitted, the key is required */
  number(key: string, fallback?: number): number {
    if (!this.has(key) && fallback !== undefined) return fallback;
    const value = this.#required(key);
    if (typeof value !== "number" || !Number.isFinite(value))
      throw this.#invalid(`"${key}" must be a number, not ${JSON.stringify(value)}`);
    return value;
  }

  /** An integer, 1 or greater. */
  count(key: string, fallback?: number): number {
    const value = this.number(key, fallback);
    if (!Number.isInteger(value) || value < 1)
      throw this.#invalid(`"${key}" must be a positive whole number, not ${value}`);
    return value;
  }

  /** A number greater than 0. */
  positive(key: string, fallback?: number): number {
    const value = this.number(key, fallback);
    if (value <= 0) throw this.#invalid(`"${key}" must be above 0, not ${value}`);
    return value;
  }

  boolean(key: string, fallback: boolean): boolean {
    if (!this.has(key)) return fallback;
    const value = this.#values[key];
    if (typeof value !== "boolean") throw this.#invalid(`"${key}" must be true or false`);
    return value;
  }

  text(key: string, fallback?: string): string {
    if (!this.has(key) && fallback !== undefined) return fallback;
    const value = this.#required(key);
    if (typeof value !== "string") throw this.#invalid(`"${key}" must be text`);
    return value;
  }

  /** A reader of a nested object; undefined if it is absent, null or empty. */
  section(key: string): ConfigReader | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#values[key];
    if (!isRecord(value)) throw this.#invalid(`"${key}" must be an object`);
    return Object.keys(value).length === 0 ? undefined : new ConfigReader(value, `${this.where}: ${key}`);
  }

  /** Keys of nested objects. */
  nestedKeys(): string[] {
    return Object.keys(this.#values).filter((key) => isRecord(this.#values[key]));
  }

  #required(key: string): unknown {
    if (!this.has(key)) throw this.#invalid(`"${key}" is missing`);
    return this.#values[key];
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
