/** The configurations that a data set's README.md declares in its YAML header. Pure. */
import { parse } from "yaml";
import { z } from "zod";
import { CoxswainError, messageOf } from "../../errors.js";

/** One configuration of a data set. */
export interface CardConfig {
  readonly name: string;
  /** Patterns by split; null: as the file names in `folder` show. */
  readonly patterns: ReadonlyMap<string, readonly string[]> | null;
  /** `data_dir`: the folder to which patterns are relative; "" for the repository's top. */
  readonly folder: string;
  readonly isDefault: boolean;
  /** Parameters that change how files are read, such as `sep` of CSV: "sep", "field". */
  readonly readerOptions: readonly string[];
}

const oneOrMore = z.union([z.string().transform((text) => [text]), z.array(z.string())]);
const dataFiles = z.union([
  z.string().transform((text) => new Map([["train", [text]]])),
  z.array(z.string()).transform((list) => new Map([["train", list]])),
  z
    .array(z.strictObject({ split: z.coerce.string().regex(/^\w+(\.\w+)*$/), path: oneOrMore }))
    .refine((list) => new Set(list.map(({ split }) => split)).size === list.length, "a split is there twice")
    .transform((list) => new Map(list.map(({ split, path }) => [split, path]))),
]);
const configSchema = z.looseObject({
  config_name: z.coerce.string(),
  data_files: dataFiles.optional(),
  data_dir: z.string().optional(),
  default: z.boolean().optional(),
});
const cardSchema = z.looseObject({ configs: z.array(configSchema).nullish() });

/** Parameters that don't change what is read. */
const harmless: ReadonlySet<string> = new Set(
  "config_name data_files data_dir default description version batch_size chunksize drop_labels drop_metadata use_threads".split(
    " ",
  ),
);

/**
 * @param readme README.md's text; undefined if there is none
 * @param standalone `.huggingface.yaml`'s text, whose keys replace the header's
 * @returns the configurations, in the README's order; empty if it declares none
 * @throws CoxswainError "data" for an invalid header
 */
export function cardConfigs(id: string, readme: string | undefined, standalone: string | undefined): CardConfig[] {
  const header = /^\ufeff?\s*---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/.exec(readme ?? "")?.[1];
  try {
    const card = { ...yamlObject(header), ...yamlObject(standalone) };
    return (cardSchema.parse(card).configs ?? []).map((config) => ({
      name: config.config_name,
      patterns: config.data_files ?? null,
      folder: (config.data_dir ?? "").replace(/^(?:\.?\/)+|\/+$/g, ""),
      isDefault: config.default === true,
      readerOptions: Object.keys(config).filter((key) => !harmless.has(key) && config[key] !== null),
    }));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const what = issue === undefined ? messageOf(error) : `${issue.path.join(".")}: ${issue.message}`;
    throw new CoxswainError("data", `${id}: the configurations in its README.md are invalid: ${what}`, {
      hint: "Choose another revision, or download the files and give their paths.",
      cause: error,
    });
  }
}

function yamlObject(text: string | undefined): object {
  // As in Python, YAML 1.1.
  const value: unknown = text === undefined ? undefined : parse(text, { version: "1.1", uniqueKeys: false });
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
