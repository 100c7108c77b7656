/**
 * A learning rate for LoRA by published rules. Pure.
 *
 * - llama and qwen: Thinking Machines' rule, from sweeps over models of both families (tinker-docs.thinkingmachines.ai,
 *   "Supervised learning hyperparameters"; "LoRA Without Regret", 2025): 5e-5 x 10 x (2000 / hidden size)^p.
 * - other families: the QLoRA paper (Dettmers et al. 2023, table 9): 2e-4 up to 13 billion parameters, 1e-4 beyond.
 */

export interface PublishedRate {
  /** Two significant digits. */
  readonly learningRate: number;
  /** The rule with its numbers and its source, for a comment. */
  readonly rule: string;
}

/** By family, as in `config.json`'s model_type without the version. */
const exponents: Readonly<Record<string, number>> = { llama: 0.781, qwen: 0.0775 };
const fullFineTuning = 5e-5;
const loraFactor = 10;
const usualSize = 2000;
/** The largest model of the QLoRA paper's table that is trained with the higher rate is one of 13 billion. */
const large = 20e9;

export function publishedRate(model: {
  readonly family: string;
  readonly hiddenSize: number;
  readonly parameters: number;
}): PublishedRate {
  const { family, hiddenSize, parameters } = model;
  const exponent = exponents[family.replace(/[\d.]+$/, "")];
  if (exponent === undefined) {
    const learningRate = parameters < large ? 2e-4 : 1e-4;
    return { learningRate, rule: "QLoRA (Dettmers et al. 2023), table 9: 2e-4 up to 13 billion parameters, else 1e-4" };
  }
  const rate = fullFineTuning * loraFactor * (usualSize / hiddenSize) ** exponent;
  return {
    learningRate: Number(rate.toExponential(1)),
    rule: `Thinking Machines ("LoRA Without Regret"): 5e-5 x 10 x (2000 / hidden size ${hiddenSize})^${exponent}`,
  };
}
