/**
 * A vitest reporter that writes which tests of the numerics suite passed, as
 * `[{ project, file, title, state }]`, to the file that COXSWAIN_NUMERICS_REPORT names. `scripts/engines-table.mjs` makes
 * the table of docs/engines.md from it.
 */
import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { Reporter, TestCase } from "vitest/node";

export default class NumericsReporter implements Reporter {
  readonly #results: object[] = [];

  onTestCaseResult(test: TestCase): void {
    const { project, module, fullName: title } = test;
    this.#results.push({ project: project.name, file: basename(module.moduleId), title, state: test.result().state });
  }

  onTestRunEnd(): void {
    const file = process.env["COXSWAIN_NUMERICS_REPORT"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(this.#results, null, 1));
  }
}
