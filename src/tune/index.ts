/** Choosing settings by experiment: the public interface of `tune/`. */
export { checkRamp, defaultRamp, rampRate, type Ramp } from "./ramp.js";
export { RangeTest, rangeTestRules, type CurvePoint, type RangeTestRules } from "./range-test.js";
export { short as shortRate, suggestRate, type Suggestion, type SuggestionRule } from "./suggest.js";
export { planRows, planSteps, type DataFacts, type RowPlan, type StepPlan } from "./plan-run.js";
export { publishedRate, type PublishedRate } from "./published-rate.js";
