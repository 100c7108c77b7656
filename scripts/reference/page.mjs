/** The generated part of docs/run-file.md: a table of keys per section, from the JSON Schema of the run file. Pure. */

/** Pages that say more of a key, relative to docs/. */
const more = {
  "data.train": "data.md",
  "data.eval": "data.md#evaluation",
  "data.format": "#data-formats",
  quantization: "engines.md#qlora",
  "training.micro_batch_size": "determinism.md",
  "compute.engine": "engines.md",
  "compute.device": "gpu.md",
  "compute.dtype": "engines.md#16-bits",
  "compute.threads": "determinism.md#threads",
  "cluster.all_reduce": "scaling.md",
  "cluster.allow_mixed_engines": "engines.md#one-run-one-engine-backend-and-device",
  "cluster.proxy": "security.md#proxies",
  "cluster.tls": "security.md#on-an-untrusted-network",
  "cluster.token": "security.md",
  "telemetry.http": "operations.md#the-live-page",
  "telemetry.nats": "nats.md",
};

const begin = "<!-- scripts/reference.mjs: begin -->";
const end = "<!-- scripts/reference.mjs: end -->";

/**
 * The page with its generated part made anew.
 * @param page its text
 * @param schema of the run file, draft-07
 */
export function withReference(page, schema) {
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`the page has no "${begin}" … "${end}"`);
  return `${page.slice(0, before + begin.length)}\n\n${reference(schema)}\n\n${page.slice(after)}`;
}

function reference(schema) {
  const entries = Object.entries(schema.properties);
  const isSection = ([, { properties, default: fallback }]) => properties !== undefined && fallback === undefined;
  const top = entries.filter((entry) => !isSection(entry));
  return [
    `### Top level\n\n${table(top.flatMap(([key, node]) => rows(key, node, schema)))}`,
    ...entries
      .filter(isSection)
      .map(([key, node]) => `### ${key}\n\n${node.markdownDescription}\n\n${table(keys(key, node))}`),
  ].join("\n\n");
}

const table = (lines) => ["| key | type | default | description |", "| --- | --- | --- | --- |", ...lines].join("\n");

const keys = (path, section) =>
  Object.entries(section.properties).flatMap(([key, node]) => rows(`${path}.${key}`, node, section));

/** The row of a key, and those of the keys below it. */
function rows(path, node, section) {
  const isRequired = section.required?.includes(path.split(".").at(-1)) ?? false;
  const cells = [
    `\`${path}\``,
    typeOf(node),
    isRequired ? "required" : `\`${JSON.stringify(node.default)}\``,
    [node.markdownDescription, example(node), path in more ? `[More](${more[path]})` : ""].filter(Boolean).join(" "),
  ];
  return [`| ${cells.join(" | ")} |`, ...(node.properties === undefined || isSource(node) ? [] : keys(path, node))];
}

/** Text or an object: a source of data, whose keys are in data.md. */
const isSource = ({ type }) => [type].flat().includes("string") && [type].flat().includes("object");

function example({ examples = [] }) {
  if (examples.length === 0) return "";
  return `${examples.length > 1 ? "Examples" : "Example"}: ${examples.map((value) => `\`${flow(value)}\``).join(", ")}.`;
}

/** A value on one line of YAML, as a user would write it. */
function flow(value) {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([key, inner]) => `${key}: ${flow(inner)}`)
    .join(", ")} }`;
}

/** In words, what a key takes. */
function typeOf(node) {
  // A list of what comes before it comes last.
  const types = [node.type]
    .flat()
    .filter((type) => type !== "null")
    .sort((one, other) => Number(isSource(node) && one === "array") - Number(isSource(node) && other === "array"));
  const words = node.enum === undefined ? types.map((type) => wordOf(type, node)) : choices(node.enum);
  // A section takes nothing in place of its keys, which means the same as no section.
  const isNullable = [node.type].flat().includes("null") && (node.default === null || !types.includes("object"));
  const all = [...words, ...(isNullable ? ["`null`"] : [])];
  const last = all.pop();
  if (all.length === 0) return last;
  return `${all.join(", ")}${all.some((word) => word.includes(",")) ? "," : ""} or ${last}`;
}

const choices = (words) => words.filter((word) => word !== null).map((word) => `\`${word}\``);

function wordOf(type, node) {
  switch (type) {
    case "string":
      return node.pattern === undefined ? "text" : `\`${node.pattern.slice(1, -1)}\``;
    case "boolean":
      return "`true` or `false`";
    case "array":
      return isSource(node) ? "a list of these" : "a list of texts";
    case "object":
      if (isSource(node)) return "a [source](data.md#sources)";
      if (node.properties !== undefined) return "the keys below";
      return Object.keys(node.additionalProperties ?? {}).length === 0
        ? "keys with any values"
        : "keys with numbers or texts";
    case "integer":
      return `integer, ${range(node)}`;
    default:
      return `number, ${range(node)}`;
  }
}

function range({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }) {
  // The largest whole number of a double is no limit that anyone meets.
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (minimum !== undefined && most !== undefined) return `${number(minimum)} to ${number(most)}`;
  const from = exclusiveMinimum === undefined ? `at least ${number(minimum)}` : `above ${number(exclusiveMinimum)}`;
  if (exclusiveMaximum !== undefined) return `${from}, below ${number(exclusiveMaximum)}`;
  return most === undefined ? from : `${from}, at most ${number(most)}`;
}

const number = (value) => value.toLocaleString("en-US");
