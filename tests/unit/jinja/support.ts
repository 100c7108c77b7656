import { compileTemplate, parseJson, toTemplateValue } from "../../../src/jinja/index.js";

/** Renders a template with variables that are given as JSON texts. */
export function render(template: string, variables: Readonly<Record<string, string>> = {}): string {
  const values = Object.entries(variables).map(([name, json]) => [name, toTemplateValue(parseJson(json))] as const);
  return compileTemplate(template).render({ variables: new Map(values), formatNow: (format) => `now(${format})` });
}
