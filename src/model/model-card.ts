/** The README.md of an adapter: the model card that hubs and people read. Pure: knows no files. */
import type { LoraSettings } from "./lora.js";

export interface ModelCardOptions {
  /** Hub id or folder of the base model. */
  readonly baseModel: string;
  readonly settings: LoraSettings;
  /** Modules that are adapted. */
  readonly modules: number;
  /** Numbers that were trained. */
  readonly parameters: number;
  /** What it was trained with, shown as a table: steps, tokens, learning rate, loss … */
  readonly training?: Readonly<Record<string, string | number>>;
}

/** The card's text: YAML front matter as PEFT writes it, then what the adapter is and how to load it. */
export function modelCard(options: ModelCardOptions): string {
  const { baseModel, settings, modules, parameters, training = {} } = options;
  const rows: [string, string | number][] = [
    ["base model", `\`${baseModel}\``],
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
    `base_model: ${JSON.stringify(baseModel)}`,
    "library_name: peft",
    "pipeline_tag: text-generation",
    "tags:",
    `- ${JSON.stringify(`base_model:adapter:${baseModel}`)}`,
    "- lora",
    "- transformers",
    "---",
    "",
    "# LoRA adapter",
    "",
    "Trained with Coxswain.",
    "",
    "| | |",
    "| --- | --- |",
    ...rows.map(([name, value]) => `| ${cell(name)} | ${cell(String(value))} |`),
    "",
    "## Use",
    "",
    "```python",
    "from peft import PeftModel",
    "from transformers import AutoModelForCausalLM",
    "",
    `base = AutoModelForCausalLM.from_pretrained(${JSON.stringify(baseModel)})`,
    'model = PeftModel.from_pretrained(base, "PATH_OF_THIS_FOLDER")',
    "```",
    "",
    "### Framework versions",
    "",
    "- PEFT 0.21.2",
    "",
  ].join("\n");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
