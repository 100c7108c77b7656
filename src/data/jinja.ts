/** Chat templates' Jinja: variables as JSON has them, and the date by a clock that is given. */
import { compileTemplate, toTemplateValue, type Value } from "../jinja/index.js";
import type { Markers } from "./generation-tags.js";
import { strftime } from "./strftime.js";

export interface JinjaTemplate {
  /** Whether it has a `{% generation %}`. */
  readonly marksGeneration: boolean;
  /**
   * The text. Throws what the template raises.
   * @param markers written around what is in `{% generation %}`
   */
  render(variables: Readonly<Record<string, unknown>>, now: () => Date, markers: Markers): string;
}

/** @throws Error where the source is not a template, or has what is not supported */
export function compileJinja(source: string): JinjaTemplate {
  const template = compileTemplate(source);
  return {
    marksGeneration: template.marksGeneration,
    render: (variables, now, markers) =>
      template.render({
        variables: templateVariables(variables),
        formatNow: (format) => strftime(now(), format),
        generationMarks: markers,
      }),
  };
}

/** A variable that is undefined is one that isn't there. */
function templateVariables(variables: Readonly<Record<string, unknown>>): Map<string, Value> {
  const given = Object.entries(variables).filter(([, value]) => value !== undefined);
  return new Map(given.map(([name, value]) => [name, toTemplateValue(value)]));
}
