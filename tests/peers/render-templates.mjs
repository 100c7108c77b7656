// Renders templates with this program's Jinja (built: dist/). Reads {"template", "variables": {name: JSON text}} line by
// line from standard input; writes, for each, the text, or the error and whether the template was refused as unsupported.
import { createInterface } from "node:readline";
import { LimitError, UnsupportedError, compileTemplate, parseJson, toTemplateValue } from "../../dist/jinja/index.js";

for await (const line of createInterface({ input: process.stdin })) {
  const { template, variables } = JSON.parse(line);
  let result;
  try {
    const values = Object.entries(variables).map(([name, text]) => [name, toTemplateValue(parseJson(text))]);
    const formatNow = () => "now";
    result = { text: compileTemplate(template).render({ variables: new Map(values), formatNow }) };
  } catch (error) {
    const refused = error instanceof UnsupportedError || error instanceof LimitError;
    result = { error: `${error.constructor.name}: ${error.message}`, refused };
    if (!["PythonError", "UnsupportedError", "LimitError"].includes(error.constructor.name)) result.bug = error.stack;
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
