/** Evaluation and generation: loss, perplexity and exact match of a data set, and text generation. */
export { evaluateLoss, type EvaluatedLoss, type EvaluateLossOptions } from "./loss.js";
export {
  answerText,
  answerTokens,
  exactMatch,
  type Answer,
  type ExactMatch,
  type ExactMatchOptions,
} from "./exact-match.js";
export { generate, type GenerateOptions, type GenerationModel } from "./generate.js";
export { openModel, type OpenedModel, type OpenModelOptions } from "./open-model.js";
export { prepareAdapter, type PreparedAdapter } from "./prepare-adapter.js";
export { readQuestions, type Question, type QuestionOptions } from "./questions.js";
export type { FinishReason, Generation } from "./sequence.js";
export { checkSampling, greedy, type SamplingOptions } from "./sampler.js";
export { stopTokens } from "./stop-tokens.js";
export { TextStream } from "./text-stream.js";
