/**
 * What the schema says of a key beside its type: for the reference page, the JSON Schema of editors, and error messages.
 * Written for users. Knows no key.
 */
import { z } from "zod";

export interface KeyDocs {
  /** One or two plain sentences. Markdown, of which only `code` is used. */
  readonly description: string;
  /** In words: "seconds", "rows per step". */
  readonly unit?: string;
  /** In words, what it takes, where its type does not say it well: "a path or a list of paths". */
  readonly accepts?: string;
  /** What null means, where a key takes it. */
  readonly whenNull?: string;
  /** The equivalent setting of Hugging Face's libraries, where its name or meaning differs. */
  readonly huggingFace?: string;
  /** Values as a user would write them, besides the default. */
  readonly examples?: readonly unknown[];
  /** Why a larger or smaller number is refused: the end of "must be at most 3, not 4: …". */
  readonly whyAtMost?: string;
  readonly whyAtLeast?: string;
  /** A value that is never shown, written or logged. */
  readonly secret?: boolean;
  /** HOST:PORT or HOST, which need not be quoted on the command line. */
  readonly address?: boolean;
}

/** By the schema of a key, default included: `z.int().default(1).register(keyDocs, { … })`. */
export const keyDocs = z.registry<KeyDocs>();

export const count = z.int().positive();
export const countOrZero = z.int().nonnegative();
export const positive = z.number().positive();

/** Functions, since a key that has no default needs a schema of its own to be described by. */
export const text = () => z.string().min(1);
/** A path, or several. */
export const paths = () => z.union([text(), z.array(text()).min(1)]);
export const optionalText = () => text().nullable();
