/** Token ids are checked before they reach the runtime, whose own message would not say what is wrong. */
import { IGNORE, type Batch } from "../../data/row.js";
import { CoxswainError } from "../../errors.js";

/** @throws CoxswainError "data" for a token that the vocabulary does not have */
export function checkBatch(batch: Batch, vocabularySize: number): void {
  checkTokens(batch.inputIds, vocabularySize);
  checkTokens(
    batch.targets.filter((target) => target !== IGNORE),
    vocabularySize,
  );
}

/** @throws CoxswainError "data" for a token that the vocabulary does not have */
export function checkTokens(ids: Int32Array, vocabularySize: number): void {
  const bad = ids.find((id) => id < 0 || id >= vocabularySize);
  if (bad === undefined) return;
  throw new CoxswainError("data", `token id ${bad} is outside the model's vocabulary of ${vocabularySize}`, {
    hint: "The data was tokenised for another model.",
  });
}
