/** A worker delivered a sum that is not what it announced, or not the same twice: it lies, or its machine is broken. */
import { describeNode } from "../../collective/index.js";
import type { TreeNode } from "../../collective/index.js";
import { CoxswainError } from "../../errors.js";

export class SumDiffers extends CoxswainError {
  /** @param what follows "the sum of shards 0-3 of step 7" */
  constructor(worker: string, step: number, node: TreeNode, what: string) {
    super("network", `worker ${worker}: the sum of shards ${describeNode(node)} of step ${step} ${what}`);
  }
}
