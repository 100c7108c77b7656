/** The flags of `coxswain generate`. */
import type { ModelFlags } from "../options/model.js";

export interface GenerateFlags extends ModelFlags {
  readonly model?: string;
  readonly prompt?: string;
  readonly messages?: string;
  readonly system?: string;
  readonly raw?: true;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly seed: number;
}
