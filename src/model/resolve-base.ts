/** The base model of an adapter, which may have moved since it was trained. */
import { CoxswainError } from "../errors.js";
import { resolveModel, type ResolveModelOptions } from "./resolve.js";

export interface ResolveBaseOptions extends ResolveModelOptions {
  /** The adapter that names the model; null if the user named it. */
  readonly adapter: string | null;
}

/**
 * As `resolveModel`.
 * @throws CoxswainError "model" that says where the name comes from and what to do, if the user did not give it
 */
export async function resolveBase(name: string, { adapter, ...options }: ResolveBaseOptions): Promise<string> {
  try {
    return await resolveModel(name, options);
  } catch (error) {
    if (adapter === null || !(error instanceof CoxswainError) || error.code !== "model") throw error;
    const meant = /^Did you mean .*?\? /.exec(`${error.hint ?? ""} `)?.[0] ?? "";
    throw new CoxswainError("model", `${error.message} (the base model that ${adapter} names)`, {
      hint: `${meant}Give the base model's current folder, or its hub id, with --model.`,
      cause: error,
    });
  }
}
