/** Without this, a model learns from other text than the one it is given when transformers renders its template. */
import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { PythonError } from "../../../src/jinja/index.js";
import { render } from "./support.js";

interface Case {
  readonly template: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** What jinja2 renders in transformers' environment. */
  readonly text?: string;
  /** Or what it raises. */
  readonly error?: string;
}

interface Golden {
  readonly variables?: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
}

const golden = (name: string): Golden =>
  JSON.parse(readFileSync(new URL(`../../golden/jinja/${name}`, import.meta.url), "utf8")) as Golden;

describe("a template renders like in jinja2", () => {
  const fixed = ["constructs.json", "snippets.json"]
    .map(golden)
    .flatMap(({ cases, variables }) =>
      cases
        .filter(({ text }) => text !== undefined)
        .map(({ template, text }) => [template.slice(0, 60), template, variables, text] as const),
    );
  it.each(fixed)("%s", (_, template, variables, text) => {
    expect(render(template, variables)).toBe(text);
  });

  it("for randomly generated templates", () => {
    const drawn = golden("random.json").cases.filter(({ text }) => text !== undefined);
    expect(drawn.length).toBeGreaterThan(300);
    for (const { template, variables: given, text } of drawn) expect(render(template, given), template).toBe(text);
  });
});

describe("a template that jinja2 can't render gives an error", () => {
  const failing = ["constructs.json", "snippets.json", "random.json"]
    .map(golden)
    .flatMap(({ cases, variables }) =>
      cases.filter(({ error }) => error !== undefined).map((one) => ({ variables, ...one })),
    );
  it.each(failing.map(({ template, error, variables }) => [error, template, variables] as const))(
    "%s",
    (_, template, given) => {
      expect(() => render(template, given)).toThrow(PythonError);
    },
  );
});
