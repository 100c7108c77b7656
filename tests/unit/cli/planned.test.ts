import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { plannedCommands } from "../../../src/cli/planned.js";
import { createProgram } from "../../../src/cli/program.js";
import { printedBy } from "../../support/in-process.js";

afterEach(() => vi.restoreAllMocks());

describe("a planned feature says that it is not available yet, and what to do instead", () => {
  it.each(Object.entries(plannedCommands))("coxswain %s, with any arguments", async (name, meanwhile) => {
    const { errors, code } = await printedBy(() =>
      createProgram().parseAsync([name, "run.yaml", "--steps", "3"], { from: "user" }),
    );
    expect(errors).toContain(`coxswain ${name} is not yet implemented`);
    expect(errors).toContain(meanwhile);
    expect(code).toBe(2);
  });

  it("is listed in docs/not-yet.md, and not in the help", () => {
    const section = readFileSync(join(import.meta.dirname, "../../../docs/not-yet.md"), "utf8");
    const help = createProgram().helpInformation();
    for (const name of Object.keys(plannedCommands)) {
      expect(section).toContain(`\`${name}\``);
      expect(help).not.toMatch(new RegExp(`^  ${name} `, "m"));
    }
  });
});
