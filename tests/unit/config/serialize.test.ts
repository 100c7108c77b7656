/** These tests protect: the run kept in the output folder is the run that was started, without its secret. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRun, schedulerTypes, serializeRun } from "../../../src/config/index.js";

const base = parseRun("model: m\noutput_dir: out\ndata: { train: t.jsonl }\n", "run.yaml");

describe("the run file of the output folder", () => {
  it("never contains the token, and says so", () => {
    const text = serializeRun({ ...base, cluster: { ...base.cluster, token: "hunter2" } });
    expect(text).not.toContain("hunter2");
    expect(text).toContain("COXSWAIN_TOKEN");
    expect(parseRun(text, "run.yaml").cluster.token).toBeNull();
  });

  it("writes small numbers so that YAML 1.1 readers parse them as numbers", () => {
    expect(serializeRun(base)).toMatch(/^ {2}adam_epsilon: 1\.0e-8$/m);
  });

  it("reads back to the same settings", () => {
    // Blank text is refused (yaml.test.ts): it is in no run that was started.
    const text = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }).filter((value) => value.trim() !== "");
    const rate = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(
        text,
        fc.array(text, { minLength: 1, maxLength: 3 }),
        rate,
        rate,
        fc.constantFrom(...schedulerTypes),
        (one, many, a, b, type) => {
          const config = {
            ...base,
            model: one,
            data: { ...base.data, train: many, chat_template: `${one}\n${one}` },
            training: {
              ...base.training,
              learning_rate: a,
              weight_decay: b,
              lr_scheduler_type: type,
              lr_scheduler_kwargs: { power: b },
            },
          };
          expect(parseRun(serializeRun(config), "run.yaml")).toEqual(config);
        },
      ),
      { numRuns: 100 },
    );
  });
});
