/** A line of `metrics.jsonl`: a step's, or an evaluation's, which has an `eval_loss`. */
export interface MetricsLine {
  readonly step: number;
  readonly figures: Readonly<Record<string, unknown>>;
}

/** @returns undefined for what is not a complete JSON object of a step or an evaluation */
export function metricsLine(text: string): MetricsLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const figures = value as Readonly<Record<string, unknown>>;
    const step = figures["step"];
    const isLine = typeof step === "number" && Number.isSafeInteger(step) && step >= 0;
    return isLine && ("loss" in figures || "eval_loss" in figures) ? { step, figures } : undefined;
  } catch {
    return undefined;
  }
}
