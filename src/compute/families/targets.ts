/** Selects the linear layers that a run adapts, by PEFT's `target_modules`. */
import { CoxswainError } from "../../errors.js";
import type { LinearModule } from "../../model/index.js";

/**
 * The modules that `targets` names, in the model's order. A name matches as in PEFT: the exact path, or its end after a
 * dot ("q_proj", "mlp.up_proj").
 * @throws CoxswainError "model" for a name that matches nothing, listing what exists
 */
export function resolveTargets<M extends LinearModule>(
  targets: "all-linear" | readonly string[],
  modules: readonly M[],
): M[] {
  if (targets === "all-linear") return [...modules];
  const matches = (path: string, target: string): boolean => path === target || path.endsWith(`.${target}`);
  for (const target of targets) {
    if (modules.some(({ path }) => matches(path, target))) continue;
    if (/(^|\.)(lm_head|embed_tokens|wte|wpe)$/.test(target)) {
      throw new CoxswainError(
        "model",
        `lora.target_modules: "${target}": adapting the head or embeddings is not supported`,
        {
          hint: "Give linear layers of attention and MLP, or all-linear for all of them.",
        },
      );
    }
    const names = new Set(modules.map(({ path }) => path.slice(path.lastIndexOf(".") + 1)));
    throw new CoxswainError("model", `lora.target_modules: "${target}" matches no linear layer of the model`, {
      hint:
        `Choose from ${[...names].join(", ")} (in each layer), full paths such as ${modules[0]?.path ?? ""}, ` +
        `or all-linear for all of them.`,
    });
  }
  return modules.filter(({ path }) => targets.some((target) => matches(path, target)));
}
