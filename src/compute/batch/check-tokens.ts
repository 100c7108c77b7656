/** Validates tokens before they reach the runtime, whose own error message would be unclear. */
import { IGNORE, type Batch } from "../../data/row.js";
import { CoxswainError } from "../../errors.js";
import type { ModelSpec } from "../families/index.js";

type Limits = Pick<ModelSpec, "vocabularySize" | "positionLimit">;

/** @throws CoxswainError "data" for a token or a position that the model does not have */
export function checkBatch({ inputIds, targets, positions }: Batch, limits: Limits): void {
  checkTokens(inputIds, limits);
  checkTokens(
    targets.filter((target) => target !== IGNORE),
    limits,
  );
  checkPositions(positions, limits);
}

/** @throws CoxswainError "data" for a token that the vocabulary does not have */
export function checkTokens(ids: Int32Array, { vocabularySize }: Limits): void {
  const bad = ids.find((id) => id < 0 || id >= vocabularySize);
  if (bad === undefined) return;
  throw new CoxswainError("data", `token id ${bad} is outside the model's vocabulary of ${vocabularySize}`, {
    hint: "The data was tokenised for a different model.",
  });
}

/** @throws CoxswainError "data" for a position that the model does not have */
export function checkPositions(positions: Int32Array, { positionLimit }: Limits): void {
  if (positionLimit === null) return;
  const most = positions.reduce((highest, position) => Math.max(highest, position), -1) + 1;
  if (most <= positionLimit.positions) return;
  throw new CoxswainError(
    "data",
    `an example has ${most} tokens, but the model takes ${positionLimit.positions} (config.json: ${positionLimit.reason})`,
    { hint: `Use a data.max_length of ${positionLimit.positions} or less.` },
  );
}
