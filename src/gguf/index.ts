/** GGUF, llama.cpp's file format: LoRA adapters written as its own converter writes them. */
export { writeAdapterGguf, type AdapterGguf, type GgufReport } from "./adapter.js";
