/** YAML that people write, and what becomes of it: read as meant, or refused with its line and in words of a run file. */
import { describe, expect, it } from "vitest";
import { parseRun } from "../../../src/config/index.js";
import { CoxswainError } from "../../../src/errors.js";

const minimal = "model: m\noutput_dir: out\ndata:\n  train: train.jsonl\n";

function messageOf(text: string): string {
  try {
    parseRun(text, "run.yaml");
  } catch (error) {
    if (error instanceof CoxswainError) return error.message;
    throw error;
  }
  throw new Error("the run file was accepted");
}

describe("a number in quotes", () => {
  it.each([
    ["compute: { threads: '4' }", 4],
    ["compute: { threads: auto }", "auto"],
  ])("is a number also where a word may stand in its place: %s", (line, threads) => {
    expect(parseRun(`${minimal}${line}\n`, "run.yaml").compute.threads).toBe(threads);
  });

  it.each(["''", "'0'", "'1.5'", "'x'", "'4 cores'"])("compute.threads: %s is refused", (value) => {
    expect(messageOf(`${minimal}compute: { threads: ${value} }\n`)).toMatch(/^run\.yaml:5: compute\.threads: /);
  });
});

describe("a text", () => {
  it.each([
    ["model", '"a\\0b"', "contains a control character"],
    ["model", '"a\\tb"', "contains a control character"],
    ["model", "|\n  m", "contains a line break: write it on one line, without `|` or `>`"],
    ["output_dir", '"runs/x\\n"', "contains a line break: write it on one line, without `|` or `>`"],
    ["output_dir", '" "', "must not be blank"],
  ])("%s: %s is refused", (key, value, message) => {
    const values = { model: "m", output_dir: "out", [key]: value };
    const text = `${Object.entries(values)
      .map(([name, text]) => `${name}: ${text}\n`)
      .join("")}data: { train: t }\n`;
    expect(messageOf(text)).toContain(`${key}: ${message}`);
  });

  it.each([
    ["data", "chat_template: ''", "data.chat_template: must not be empty"],
    ["data", 'chat_template: "a\\0.jinja"', "data.chat_template: contains a control character"],
    ["lora", "init_adapter: ''", "lora.init_adapter: must not be empty"],
    ["lora", 'target_modules: ["q\\0"]', "lora.target_modules.0: contains a control character"],
    ["telemetry", "http: ''", "telemetry.http: must not be empty"],
  ])("of the section %s, %s, is refused", (section, line, message) => {
    const text = section === "data" ? `${minimal}  ${line}\n` : `${minimal}${section}:\n  ${line}\n`;
    expect(messageOf(text)).toContain(message);
  });

  it("may have several lines where it is a template", () => {
    const config = parseRun(`${minimal}  chat_template: |\n    {{ a }}\n    b\n`, "run.yaml");
    expect(config.data.chat_template).toBe("{{ a }}\nb\n");
  });

  it("may be folded onto one line", () => {
    expect(parseRun(minimal.replace("m\n", ">-\n  a\n  b\n"), "run.yaml").model).toBe("a b");
  });
});

describe("YAML that is no run file", () => {
  it.each([
    [`${minimal}---\n${minimal}`, "run.yaml:5: not valid YAML: the file has more than one document (one run per file)"],
    [`${minimal}: 1\n`, "run.yaml:5: a key is missing before the colon, or is not text"],
    [`${minimal}"": 1\n`, "run.yaml:5: a key is missing before the colon, or is not text"],
    [`${minimal}? [a, b]\n: 1\n`, "run.yaml:5: a key is missing before the colon, or is not text"],
    [`${minimal}lora:\n  <<: { r: 8 }\n`, "run.yaml:6: lora.<<: merge keys are not supported: "],
    [minimal.replace("m\n", '"C:\\models"\n'), "(in single quotes, a backslash is only a backslash)"],
  ])("%j is refused in words of a run file", (text, message) => {
    expect(messageOf(text)).toContain(message);
  });

  it("in a --set, names a key that is set twice", () => {
    expect(() => parseRun(minimal, "run.yaml", ["lora={r: 8, r: 9}"])).toThrow(
      "--set lora: the value sets a key twice",
    );
  });

  it("may repeat a value by an alias", () => {
    const text = "model: &m m\noutput_dir: *m\ndata: { train: t }\n";
    expect(parseRun(text, "run.yaml").output_dir).toBe("m");
  });
});
