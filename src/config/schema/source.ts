/** One of several sources of `data.train` and `data.eval`: files, or a data set of the hub, and what of them is used. */
import { z } from "zod";
import { exampleKeys } from "../choices.js";
import { keyDocs, text } from "./docs.js";

const optional = () => text().optional();

const columns = z
  .strictObject(
    Object.fromEntries(exampleKeys.map((key) => [key, optional()])) as Record<
      (typeof exampleKeys)[number],
      ReturnType<typeof optional>
    >,
  )
  .register(keyDocs, {
    description:
      "Names the columns of data that are in none of the formats: a key of a format, and the column that it is read from.",
    examples: [{ prompt: "question", completion: "answer" }],
  });

export const sourceSchema = z
  .strictObject({
    path: optional().register(keyDocs, { description: "A file, or a folder of files.", examples: ["train.jsonl"] }),
    dataset: optional().register(keyDocs, {
      description: "A data set of the hub. Give this or `path`.",
      examples: ["HuggingFaceH4/ultrachat_200k"],
    }),
    config: optional().register(keyDocs, { description: "Configuration (subset) of the hub's data set." }),
    split: optional().register(keyDocs, { description: "Split of the hub's data set.", examples: ["train"] }),
    revision: optional().register(keyDocs, { description: "Branch, tag or commit of the hub's data set." }),
    weight: z
      .number()
      .positive()
      .max(1000)
      .optional()
      .register(keyDocs, {
        description:
          "How often each example is used per epoch: 2 uses each twice, 0.5 a random half, the same in every epoch. Default: 1.",
        examples: [2],
        whyAtMost: "an epoch would hardly have anything else",
      }),
    limit: z.int().positive().optional().register(keyDocs, {
      description: "Uses only this many examples, from the first.",
      unit: "examples",
      examples: [500],
    }),
    columns: columns.optional(),
  })
  .register(keyDocs, { description: "A source of examples.", accepts: "a source ({ path: … } or { dataset: … })" });

const oneSource = () => z.union([text(), sourceSchema]);
const accepts = "a path, a source ({ path: … } or { dataset: … }), or a list of these";

/** A source, or several. */
export const sources = () => z.union([text(), sourceSchema, z.array(oneSource()).min(1)]);
export const sourcesAccept = accepts;

/** A source of a run file that is more than a path. */
export type SourceConfig = Readonly<z.output<typeof sourceSchema>>;
/** `data.train`, or `data.eval` unless it is null or a number. */
export type SourcesConfig = string | SourceConfig | readonly (string | SourceConfig)[];
