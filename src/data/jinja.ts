/** Jinja for chat templates: JSON values as variables, and the date from a given clock. */
import { compileTemplate, toTemplateValue, type Value } from "../jinja/index.js";
import type { Markers } from "./generation-tags.js";
import { strftime } from "./strftime.js";

export interface JinjaTemplate {
  /** Jinja text. */
  readonly source: string;
  /** Whether it contains `{% generation %}`. */
  readonly marksGeneration: boolean;
  /**
   * Renders the template. Throws what the template raises.
   * @param markers written around the content of `{% generation %}`
   */
  render(variables: Readonly<Record<string, unknown>>, now: () => Date, markers: Markers): string;
}

/** @throws Error if the source is not a template, or uses unsupported features */
export function compileJinja(source: string): JinjaTemplate {
  const template = compileTemplate(source);
  return {
    source,
    marksGeneration: template.marksGeneration,
    render: (variables, now, markers) =>
      template.render({
        variables: templateVariables(variables),
        formatNow: (format) => strftime(now(), format),
        generationMarks: markers,
      }),
  };
}

/** A JSON value as templates see it; rendering leaves such a value as it is. */
export const templateValue = (value: unknown): Value => toTemplateValue(value);

/** Undefined variables are omitted. */
function templateVariables(variables: Readonly<Record<string, unknown>>): Map<string, Value> {
  const given = Object.entries(variables).filter(([, value]) => value !== undefined);
  return new Map(given.map(([name, value]) => [name, toTemplateValue(value)]));
}
