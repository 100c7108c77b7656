/** The README.md of an adapter: the model card that hubs and people read. Pure: knows no files. */
import type { LoraSettings } from "./lora.js";
import { cell } from "./markdown.js";
import { trainingSections, type TrainingReport } from "./training-report.js";

/** The base model as published: a path on the training machine means nothing to others. */
export interface CardBase {
  /** The hub id; undefined for a folder whose origin is unknown. */
  readonly id: string | undefined;
  /** The folder's own name. */
  readonly name: string;
  /** Hash of its content, hex. */
  readonly sha256: string | undefined;
}

export interface ModelCardOptions {
  readonly base: CardBase;
  readonly settings: LoraSettings;
  /** Number of adapted modules. */
  readonly modules: number;
  /** Number of trained parameters. */
  readonly parameters: number;
  /** Training settings and results, shown as a table: steps, tokens, learning rate, loss … */
  readonly training?: Readonly<Record<string, string | number>>;
  /** Names of the tokenizer and template files next to it. */
  readonly companions?: readonly string[];
  /** Where the adapter is published: "owner/name". Default: not yet. */
  readonly publishedAs?: string;
  /** What is known of the finished run. */
  readonly report?: TrainingReport;
}

/** The row of the chat template's variables, if there are any. */
export const templateFacts = (kwargs: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, string>> =>
  Object.keys(kwargs).length === 0 ? {} : { chat_template_kwargs: JSON.stringify(kwargs) };

/** The card's text: YAML front matter as PEFT writes it, then a description of the adapter and how to load it. */
export function modelCard(options: ModelCardOptions): string {
  const { base, settings, modules, parameters, training = {}, companions = [], publishedAs, report } = options;
  const here = JSON.stringify(publishedAs ?? "PATH_OF_THIS_FOLDER");
  const datasets = report?.datasets ?? [];
  const rows: [string, string | number][] = [
    ["base model", base.id === undefined ? `a folder, \`${base.name}\`` : `\`${base.id}\``],
    ...(base.sha256 === undefined ? [] : [["its SHA-256 (`coxswain.json`)", `\`${base.sha256}\``] as [string, string]]),
    ["r", settings.r],
    ["lora_alpha", settings.alpha],
    ["lora_dropout", settings.dropout],
    ["use_rslora", String(settings.useRslora)],
    ["target_modules", settings.targetModules === "all-linear" ? "all-linear" : settings.targetModules.join(", ")],
    ["adapted modules", modules],
    ["trained parameters", parameters],
    ...Object.entries(training),
  ];
  return [
    "---",
    // A JSON string is a YAML string.
    ...(base.id === undefined ? [] : [`base_model: ${JSON.stringify(base.id)}`]),
    ...(datasets.length === 0 ? [] : ["datasets:", ...datasets.map(({ id }) => `- ${JSON.stringify(id)}`)]),
    "library_name: peft",
    "pipeline_tag: text-generation",
    "tags:",
    ...(base.id === undefined ? [] : [`- ${JSON.stringify(`base_model:adapter:${base.id}`)}`]),
    "- lora",
    "- transformers",
    "---",
    "",
    publishedAs === undefined ? "# LoRA adapter" : `# ${publishedAs}`,
    "",
    publishedAs === undefined ? "Trained with Coxswain." : "A LoRA adapter, trained with Coxswain.",
    "",
    "| | |",
    "| --- | --- |",
    ...rows.map(([name, value]) => `| ${cell(name)} | ${cell(String(value))} |`),
    "",
    "## Use",
    "",
    "```python",
    "from peft import PeftModel",
    `from transformers import AutoModelForCausalLM${companions.includes("tokenizer.json") ? ", AutoTokenizer" : ""}`,
    "",
    `base = AutoModelForCausalLM.from_pretrained(${JSON.stringify(base.id ?? "PATH_OF_THE_BASE_MODEL")})`,
    `model = PeftModel.from_pretrained(base, ${here})`,
    ...(companions.includes("tokenizer.json") ? [`tokenizer = AutoTokenizer.from_pretrained(${here})`] : []),
    "```",
    ...(companions.length === 0
      ? []
      : ["", `Files for inference, as in training: ${companions.map((name) => `\`${name}\``).join(", ")}.`]),
    "",
    ...(report === undefined ? [] : [trainingSections(report)]),
    "### Framework versions",
    "",
    "- PEFT 0.21.2",
    "",
  ].join("\n");
}
