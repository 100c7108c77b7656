/** What other modules need of the run file, in their own words. */
import type { LoraSettings } from "../model/lora.js";
import type { RunConfig } from "./schema.js";

export function loraSettings({ lora }: RunConfig): LoraSettings {
  return {
    r: lora.r,
    alpha: lora.lora_alpha,
    dropout: lora.lora_dropout,
    targetModules: lora.target_modules,
    useRslora: lora.use_rslora,
  };
}
