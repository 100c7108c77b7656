/** The flags of `coxswain generate`. */
import type { ModelFlags, SamplingFlags } from "../options/model.js";

export interface GenerateFlags extends ModelFlags, SamplingFlags {
  readonly model?: string;
  readonly prompt?: string;
  readonly messages?: string;
  readonly system?: string;
  readonly raw?: true;
}
