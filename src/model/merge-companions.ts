/** Which files of a base model's folder go along with its merged weights. Copies nothing. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { indexFile } from "./open-folder.js";

export interface Companions {
  /** Paths within the folder, with slashes, sorted. */
  readonly files: readonly string[];
  /**
   * Entries that are not copied, since they would not match the merged model: weights in other formats, and their
   * folders.
   */
  readonly leftOut: readonly string[];
}

/** Weights, which would not match the merged model. */
const weights =
  /\.(safetensors|bin|pt|pth|ckpt|h5|msgpack|gguf|ggml|onnx|onnx_data|ot|npz|tflite|mlmodel|pkl|llamafile)(\.index\.json)?$/;

/** Templates are not copied: the adapter may have different ones. */
const isTemplateFile = (name: string): boolean =>
  name === "chat_template.jinja" || name.startsWith("additional_chat_templates/");

/**
 * @param folder the base model's, as given by the user (the folder that weights are read from may lack nested folders)
 * @param shards the weight files that are merged
 */
export async function mergeCompanions(folder: string, shards: readonly string[]): Promise<Companions> {
  const isIndexNeeded = !shards.includes("model.safetensors");
  const { files, leftOut } = await collect(folder, "", (name) => name === indexFile && isIndexNeeded);
  return {
    files: files.filter((name) => !isTemplateFile(name)).sort(),
    leftOut: leftOut.filter((name) => !shards.includes(name) && name !== indexFile).sort(),
  };
}

/** Every file below a folder except weights and hidden files; a nested folder with weights is a separate model. */
async function collect(root: string, within: string, isNeeded: (name: string) => boolean): Promise<Companions> {
  const files: string[] = [];
  const leftOut: string[] = [];
  const entries = await readdir(join(root, within), { withFileTypes: true });
  for (const entry of entries) {
    const name = within === "" ? entry.name : `${within}/${entry.name}`;
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) {
      const nested = await collect(root, name, () => false);
      const isOther = nested.leftOut.length > 0 || nested.files.some((file) => file.endsWith("/events.jsonl"));
      if (isOther) leftOut.push(`${name}/`);
      else files.push(...nested.files);
      continue;
    }
    if (weights.test(name) && !isNeeded(name)) leftOut.push(name);
    else if ((await stat(join(root, name))).isFile()) files.push(name);
  }
  return { files, leftOut };
}
