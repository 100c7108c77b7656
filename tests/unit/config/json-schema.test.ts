/** The JSON Schema of run files says what the loader says, of each key by itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { parseRun, runSchema } from "../../../src/config/index.js";
import { runJsonSchema, type JsonSchema } from "../../../src/config/json-schema.js";
import { allKeys, docsOf } from "../../../src/config/keys.js";
import { blocksOf, inProject, pages, readPage } from "../../support/pages.js";

const schema = runJsonSchema();
const validate = new Ajv({ allowUnionTypes: true, keywords: ["markdownDescription"] }).compile(schema);

type Values = Record<string, unknown>;

const loads = (values: unknown): boolean => {
  try {
    parseRun(stringify(values), "run.yaml");
    return true;
  } catch {
    return false;
  }
};

/** Every key with its node, "a.b.c"; not those of a source of data, which is one of several things that a key takes. */
function nodes(section: JsonSchema = schema, prefix = ""): (readonly [key: string, node: JsonSchema])[] {
  return Object.entries(section.properties ?? {}).flatMap(([name, node]) => [
    [prefix + name, node] as const,
    ...(isSection(node) ? nodes(node, `${prefix}${name}.`) : []),
  ]);
}

const isSection = ({ properties, type }: JsonSchema): boolean =>
  properties !== undefined && ![type].flat().includes("string");

/** A run with nothing but what is required, of the sections that a key stands in, too. */
function runWith(key: string, value: unknown): Values {
  const run: Values = { model: "m", output_dir: "o", data: { train: "t" } };
  const path = key.split(".");
  let section = run;
  for (const [index, name] of path.entries()) {
    if (index === path.length - 1) section[name] = value;
    else {
      const here = path.slice(0, index + 1).join(".");
      section = section[name] = (section[name] ?? structuredClone(required[here] ?? {})) as Values;
    }
  }
  return run;
}

/** What is required in sections that may be absent. */
const required: Readonly<Record<string, Values>> = {
  "cluster.tls": { cert: "c", key: "k" },
  "telemetry.nats": { url: "nats://h" },
};

describe("schema/run.schema.json", () => {
  it("is what `npm run reference` makes, and so is docs/run-file.md", async () => {
    const { withReference } = await import("../../../scripts/reference/page.mjs");
    const cure = "out of date: npm run reference";
    expect(JSON.parse(readFileSync(inProject("schema/run.schema.json"), "utf8")), cure).toEqual(schema);
    const page = readPage("docs/run-file.md");
    expect(page === withReference(page, schema), cure).toBe(true);
  });

  it("describes every key, each in its own words", () => {
    expect(nodes().map(([key]) => key)).toEqual(allKeys());
    const told = nodes().map(([key, { description }]) => [key, description ?? ""] as const);
    for (const [key, description] of told) expect(description, key).toMatch(/^[A-Z`a-z].{10,}\.$/);
    expect(new Set(told.map(([, description]) => description)).size).toBe(told.length);
  });

  it("says what null means wherever a key takes it in place of a value", () => {
    for (const [key, { type, default: fallback }] of nodes()) {
      const takesNull =
        [type].flat().includes("null") &&
        ((fallback !== undefined && typeof fallback !== "object") || fallback === null);
      expect(docsOf(key.split("."))?.whenNull !== undefined, key).toBe(takesNull);
    }
  });

  it("has the defaults that a run without the keys has", () => {
    const defaults = runSchema.parse({ model: "m", output_dir: "o", data: { train: "t" } }) as unknown;
    for (const [key, node] of nodes()) {
      const value = key.split(".").reduce<unknown>((at, name) => (at as Values | null)?.[name], defaults);
      if (node.default !== undefined) expect([key, value ?? null]).toEqual([key, node.default]);
    }
  });

  it("is refused by no example that it gives", () => {
    for (const [key, { examples = [] }] of nodes())
      for (const example of examples) {
        const run = runWith(key, example);
        expect(validate(run), `${key}: ${JSON.stringify(example)}`).toBe(true);
        // These need another key beside them.
        const alone =
          !/^training\.(eval_steps|micro|predict_with|metric_for|load_best|early_stopping)|nats\.(user|tls\.)/.test(
            key,
          );
        if (alone) expect(loads(run), `${key}: ${JSON.stringify(example)}`).toBe(true);
      }
  });
});

describe("run files", () => {
  const isWhole = (text: string): boolean => /^model:/m.test(text) && /^output_dir:/m.test(text);
  const files = [
    ["examples/quickstart/run.yaml", readPage("examples/quickstart/run.yaml")] as const,
    ...pages.flatMap((page) =>
      blocksOf(readPage(page), "yaml")
        .filter(isWhole)
        .map((text) => [page, text] as const),
    ),
  ];

  it.each(files)("of %s: accepted by both, and name the schema in their first line", (page, text) => {
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
    expect(() => parseRun(text, page)).not.toThrow();
    const [, path] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    if (page.endsWith(".yaml"))
      expect(JSON.parse(readFileSync(join(inProject(page), "..", path!), "utf8"))).toEqual(schema);
    else expect(path).toBe("run.schema.json");
  });

  it("are there", () => expect(files.map(([page]) => page)).toEqual(expect.arrayContaining(["README.md"])));

  it.each(nodes().filter(([, node]) => isSection(node) && node.default === undefined))(
    "section %s with nothing under it: both say the same",
    (key) => {
      const run = runWith(key, null);
      expect(loads(run)).toBe(validate(run));
      expect(loads(run)).toBe(key !== "data");
    },
  );
});

describe("a wrong value of one key", () => {
  const others: readonly unknown[] = [
    "",
    "text",
    0.5,
    -1,
    0,
    1e18,
    true,
    [],
    [1],
    [""],
    ["a"],
    {},
    { a: 1 },
    { a: "b" },
    { a: [] },
    null,
  ];

  it.each(nodes())("%s: both take it or both refuse it", (key) => {
    for (const value of others) {
      const run = runWith(key, value);
      const said = JSON.stringify(value);
      if (!validate(run)) expect(loads(run), `the loader takes ${key}: ${said}`).toBe(false);
      // What only the loader checks: addresses, URLs, and what goes with another key, also those of a source.
      else if (
        !/listen|http|advertise|nats|micro_batch|global_batch|eval_steps|predict_with|metric_for|load_best|early_stopping|^data\.(train|eval)$/.test(
          key,
        )
      )
        expect(loads(run), `the loader refuses ${key}: ${said}`).toBe(true);
    }
  });

  it.each(nodes().filter(([, node]) => node.minimum !== undefined || node.exclusiveMinimum !== undefined))(
    "%s beyond its range: both refuse it",
    (key, { minimum, exclusiveMinimum, maximum, exclusiveMaximum }) => {
      const beyond = [(minimum ?? NaN) - 1, exclusiveMinimum, (maximum ?? NaN) * 2, exclusiveMaximum];
      for (const value of beyond.filter((number) => number !== undefined && !Number.isNaN(number))) {
        expect(validate(runWith(key, value)), String(value)).toBe(false);
        expect(loads(runWith(key, value)), String(value)).toBe(false);
      }
    },
  );

  it.each(["", ...nodes().flatMap(([key, node]) => (isSection(node) ? [`${key}.`] : []))])(
    "an unknown key %ssed: both refuse it",
    (section) => {
      expect(validate(runWith(`${section}sed`, 1))).toBe(false);
      expect(loads(runWith(`${section}sed`, 1))).toBe(false);
    },
  );

  it("a number in quotes is taken by the loader, as docs/run-file.md says, and marked by the schema", () => {
    const run = runWith("training.learning_rate", "1e-4");
    expect(validate(run)).toBe(false);
    expect(loads(run)).toBe(true);
  });

  it.each(["model", "output_dir", "data", "data.train"])("without %s: both refuse the run", (key) => {
    const run = runWith("seed", 1);
    const [first, second] = key.split(".");
    Reflect.deleteProperty(second === undefined ? run : (run[first!] as Values), second ?? first!);
    expect(validate(run)).toBe(false);
    expect(loads(run)).toBe(false);
  });
});

describe("any run of right values", () => {
  const word = fc.stringMatching(/^[a-z]{1,8}$/);

  /** Values of a node, made from nothing but the schema. */
  function valuesOf(node: JsonSchema): fc.Arbitrary<unknown> {
    if (node.enum !== undefined) return fc.constantFrom(...node.enum);
    return fc.oneof(...[node.type].flat().map((type) => valuesOfType(type!, node)));
  }

  function valuesOfType(type: string, node: JsonSchema): fc.Arbitrary<unknown> {
    const { minimum, exclusiveMinimum, maximum = 1e6, exclusiveMaximum } = node;
    switch (type) {
      case "integer":
        return fc.integer({ min: minimum!, max: Math.min(maximum, 2 ** 31 - 1) });
      case "number":
        return fc.double({
          min: minimum ?? exclusiveMinimum ?? -1e6,
          minExcluded: exclusiveMinimum !== undefined,
          max: exclusiveMaximum ?? maximum,
          maxExcluded: exclusiveMaximum !== undefined,
          noNaN: true,
        });
      case "boolean":
        return fc.boolean();
      case "null":
        return fc.constant(null);
      case "array":
        return fc.array(valuesOf(node.items!), { minLength: node.minItems ?? 0, maxLength: 3 });
      case "object":
        return node.properties === undefined
          ? fc.dictionary(word, valuesOf(node.additionalProperties as JsonSchema), { maxKeys: 3 })
          : fc.record(
              Object.fromEntries(Object.entries(node.properties).map(([key, value]) => [key, valuesOf(value)])),
              { requiredKeys: node.required ?? [] },
            );
      default:
        return node.pattern === undefined ? word : fc.constant(node.pattern.slice(1, -1));
    }
  }

  /** A source has one place. */
  function sourceOf(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(sourceOf);
    if (typeof value === "number") return value > 1 ? Math.ceil(value) : value;
    if (typeof value !== "object" || value === null) return value;
    const { dataset, config, split, revision, ...others } = value as Values;
    return dataset === undefined ? { path: "p", ...others } : { dataset, config, split, revision, weight: 2 };
  }

  /** What only the loader checks is made right. */
  function consistent(run: Values): Values {
    const data = run["data"] as Values;
    for (const key of ["train", "eval"]) if (key in data) data[key] = sourceOf(data[key]);
    const training = run["training"] as Values | null | undefined;
    if (training != null) {
      const { micro_batch_size: micro = 4, global_batch_size: global = 32 } = training;
      if ((micro as number) > (global as number)) training["global_batch_size"] = micro;
      if ((run["data"] as Values)["eval"] == null)
        for (const key of ["eval_steps", "metric_for_best_model", "predict_with_generate"])
          Reflect.deleteProperty(training, key);
      if (training["metric_for_best_model"] == null || training["eval_steps"] == null)
        for (const key of ["load_best_model_at_end", "early_stopping_patience"]) Reflect.deleteProperty(training, key);
      if (training["early_stopping_patience"] == null) delete training["early_stopping_threshold"];
    }
    if (data["assistant_only_loss"] === false) delete data["turns"];
    const cluster = run["cluster"] as Values | null | undefined;
    if (cluster != null && "listen" in cluster) cluster["listen"] = "[::1]:0";
    if (cluster?.["all_reduce"] === "mesh") delete cluster["verify"];
    const telemetry = run["telemetry"] as Values | null | undefined;
    if (typeof telemetry?.["http"] === "string") telemetry["http"] = "localhost:9464";
    const nats = telemetry?.["nats"] as Values | null | undefined;
    if (nats != null) {
      nats["url"] = ["nats://a", "tls://b:4222"];
      for (const key of ["credentials", "nkey", "user", "password", "tls"]) Reflect.deleteProperty(nats, key);
      if (nats["advertise"] != null) nats["advertise"] = "head:7070";
    }
    return run;
  }

  it("is accepted by both", () => {
    fc.assert(
      fc.property(valuesOf(schema), (values) => {
        const run = consistent(values as Values);
        expect(validate(run), JSON.stringify(validate.errors)).toBe(true);
        parseRun(stringify(run), "run.yaml");
      }),
      { numRuns: 300 },
    );
  });
});
