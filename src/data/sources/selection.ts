/** Which examples are read: the sources, what is used of each, and on which side of a split. Pure. */
import { isDatasetId, type RunConfig, type SourceConfig, type SourcesConfig } from "../../config/index.js";

/** `columns` of a source: a key of a format, and the column that it is read from. */
export type ColumnNames = Readonly<Record<string, string>>;

/** A data set of the hub. */
export interface HubSource {
  readonly dataset: string;
  readonly config: string | undefined;
  readonly split: string | undefined;
  readonly revision: string | undefined;
}

export interface DataSource {
  /** How messages name it. */
  readonly name: string;
  /** A file or folder; or `owner/name` of the hub if there is no such path. */
  readonly path: string | undefined;
  readonly hub: HubSource | undefined;
  readonly columns: ColumnNames | undefined;
  /** How often each example is used per epoch. */
  readonly weight: number;
  /** The number of examples used, from the first. */
  readonly limit: number | undefined;
}

/** How much of the training data is held out for evaluation, and where the content numbers of that part end. */
export class Split {
  /** A share below 1, or a number of examples. */
  readonly heldOut: number;
  #threshold: Promise<number> | undefined;

  constructor(heldOut: number) {
    this.heldOut = heldOut;
  }

  /** Undefined before it is found, and for a share. */
  get known(): Promise<number> | undefined {
    return this.#threshold;
  }

  /** Both sides of a split need it; it is found once. */
  threshold(find: () => Promise<number>): Promise<number> {
    return (this.#threshold ??= find());
  }
}

/** Which examples of which sources. */
export interface DataSelection {
  readonly sources: readonly DataSource[];
  /** Decides which examples a weight with a fraction takes. */
  readonly seed: number;
  /** undefined: all examples; else one side of the split. */
  readonly side: { readonly evaluation: boolean; readonly split: Split } | undefined;
  /** The key of the run file, for messages. */
  readonly key: "data.train" | "data.eval";
}

/** What can be read: sources as in a run file, or a selection of them. */
export type DataInput = SourcesConfig | DataSelection;

function sourceOf(given: string | SourceConfig): DataSource {
  if (typeof given === "string")
    return { name: given, path: given, hub: undefined, columns: undefined, weight: 1, limit: undefined };
  const { path, dataset, config, split, revision, columns, weight = 1, limit } = given;
  const hub = dataset === undefined ? undefined : { dataset, config, split, revision };
  const used = Object.entries(columns ?? {}).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    name: path ?? hubName(hub),
    path,
    hub,
    columns: used.length === 0 ? undefined : Object.fromEntries(used),
    weight,
    limit,
  };
}

/** "org/name (config, split train)" */
function hubName(hub: HubSource | undefined): string {
  if (hub === undefined) return "a source without a path";
  const parts = [hub.config, hub.split === undefined ? undefined : `split ${hub.split}`, hub.revision];
  const known = parts.filter((part) => part !== undefined).join(", ");
  return known === "" ? hub.dataset : `${hub.dataset} (${known})`;
}

/** A path that is the name of a data set of the hub, if there is no such path. */
export const hubOfPath = (path: string): HubSource | undefined =>
  isDatasetId(path) ? { dataset: path, config: undefined, split: undefined, revision: undefined } : undefined;

const listOf = (sources: SourcesConfig): readonly (string | SourceConfig)[] =>
  typeof sources === "string" || !("length" in sources) ? [sources] : sources;

const isSelection = (input: DataInput): input is DataSelection =>
  typeof input === "object" && "sources" in input && "seed" in input;

/** All examples of the sources, or what a selection says. */
export const selectionOf = (input: DataInput): DataSelection =>
  isSelection(input) ? input : { sources: listOf(input).map(sourceOf), seed: 0, side: undefined, key: "data.train" };

type Run = Pick<RunConfig, "seed"> & { readonly data: Pick<RunConfig["data"], "train" | "eval"> };

export interface RunData {
  readonly training: DataSelection;
  /** null: none. */
  readonly evaluation: DataSelection | null;
}

/** What a run trains on, and what it is evaluated on. */
export function dataOf({ seed, data }: Run): RunData {
  const all = { ...selectionOf(data.train), seed };
  if (typeof data.eval === "number") {
    const split = new Split(data.eval);
    return {
      training: { ...all, side: { evaluation: false, split } },
      evaluation: { ...all, side: { evaluation: true, split }, key: "data.eval" },
    };
  }
  return {
    training: all,
    evaluation: data.eval === null ? null : { ...selectionOf(data.eval), seed, key: "data.eval" },
  };
}

/** The selection's sources, for messages. */
export const namesOf = ({ sources }: DataSelection): string => sources.map(({ name }) => name).join(", ");
