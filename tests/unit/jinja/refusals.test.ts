/** Without this, a template renders something else than Python would, or its author is left to guess what is wrong. */
import { describe, expect, it } from "vitest";
import { LimitError, UnsupportedError, compileTemplate } from "../../../src/jinja/index.js";
import { render } from "./support.js";

describe("unsupported features are rejected by name", () => {
  it.each([
    ["{{ [1] | random }}", /the filter 'random' is not supported/],
    ["{{ 'x' | urlize }}", /the filter 'urlize' is not supported/],
    ["{% block a %}{% endblock %}", /the tag 'block' is not supported/],
    ["{{ self.a() }}", /the variable 'self' is not supported/],
    ["{% autoescape true %}{% endautoescape %}", /autoescape is not supported/],
    ["{{ '\\N{BULLET}' }}", /the escape \\N\{…\} is not supported/],
    ["{% generation %}{% generation %}{% endgeneration %}{% endgeneration %}", /generation %\} within another/],
  ])("%s, before anything is rendered", (template, message) => {
    expect(() => compileTemplate(template)).toThrow(UnsupportedError);
    expect(() => compileTemplate(template)).toThrow(message);
  });

  it.each([
    ["{{ ('x' * 99) | pprint }}", /the filter 'pprint' of a value beyond one line is not supported/],
    ["{{ lipsum() }}", /the function 'lipsum' is not supported/],
    ["{{ 'a'.encode() }}", /the attribute 'encode' of str is not supported/],
    ["{{ [1] | map('string') }}", /printing a generator/],
    ["{{ range }}", /printing a function/],
    ["{{ (-8) ** 0.5 }}", /a power with such an exponent is not supported/],
    ["{{ 'a' is sameas 'a' }}", /the test 'sameas' of equal texts is not supported/],
  ])("%s, when it is reached", (template, message) => {
    expect(() => render(template)).toThrow(UnsupportedError);
    expect(() => render(template)).toThrow(message);
  });

  it("but not in a branch that is never taken", () => {
    expect(render("{% if false %}{{ 1 | random }}{% endif %}{{ 2 if true else 1 | urlize }}")).toBe("2");
  });

  it.each([
    ["{% if x %}", /line 1: Unexpected end of template.* 'elif' or 'else' or 'endif'.*innermost block .* 'if'/],
    ["a\n{{ 1 + }}", /line 2: unexpected 'end of print statement'/],
    ["\n\n{% fro x in y %}", /line 3: Encountered unknown tag 'fro'/],
    ["{{ x | nofilter }}", /line 1: No filter named 'nofilter' found/],
    ["{{ 'open }}", /line 1: unexpected char '''/],
    ["{% break %}", /line 1: 'break' outside loop/],
  ])("%j names the line and what was expected", (template, message) => {
    expect(() => compileTemplate(template)).toThrow(message);
  });
});

describe("a hostile template ends in an error, in bounded time and memory", () => {
  it.each([
    ["a range of 10^9", "{% for i in range(10**9) %}x{% endfor %}", /Range too big.*100000/],
    [
      "loops within loops",
      "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
      /more than 8388608 steps/,
    ],
    ["a text repeated 10^10 times", "{{ 'a' * 10**10 }}", /a text of more than 16777216 characters/],
    ["a list repeated", "{{ [0] * 10**9 }}", /steps/],
    [
      "a text that doubles",
      "{% set n = namespace(s='a') %}{% for i in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
      /characters/,
    ],
    ["a text grown by replacing", "{{ ('a' * 10**6) | replace('a', 'b' * 10**6) }}", /characters/],
    ["a width", "{{ '%999999999d' % 1 }}", /characters/],
    ["an indentation", "{{ 'x' | indent(10**9, true) }}", /characters/],
    ["a power", "{{ 10 ** (10 ** 10) }}", /a power gets too large/],
    ["a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", /recurses too deeply/],
    [
      "lists within lists",
      "{% set n = namespace(l=[]) %}{% for i in range(99) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}",
      /parts/,
    ],
    ["parentheses", `{{ ${"(".repeat(30000)}1${")".repeat(30000)} }}`, /nests or recurses too deeply/],
  ])("%s", (_, template, message) => {
    expect(() => render(template)).toThrow(message);
  });

  it("but a long conversation stays within the step limit", () => {
    const template = "{% for i in range(2000) %}{% for j in range(500) %}{{ i if j == 0 }}{% endfor %}{% endfor %}";
    expect(render(template)).toMatch(/^012345/);
  });

  it("with LimitError, which is not a Python error", () => {
    expect(() => render("{{ 'a' * 10**10 }}")).toThrow(LimitError);
  });
});
