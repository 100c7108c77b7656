/** The pure parts of `coxswain chat`, and its columns on a terminal. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ColumnsView } from "../../../src/cli/chat/columns-view.js";
import { chatHelp, parseLine } from "../../../src/cli/chat/commands.js";
import { besides, columnsFor, wrapText } from "../../../src/cli/chat/wrap.js";
import { clusterWidth, columnsOf } from "../../../src/cli/terminal/progress-line.js";
import { Terminal } from "./terminal/screen.js";

describe("a line of input", () => {
  it.each([
    ["hello", { kind: "message", text: "hello" }],
    ["  two spaces", { kind: "message", text: "  two spaces" }],
    ["", { kind: "nothing" }],
    ["   ", { kind: "nothing" }],
    ["/exit", { kind: "exit" }],
    ["/quit", { kind: "exit" }],
    ["/reset", { kind: "reset" }],
    ["/system Be brief.", { kind: "system", text: "Be brief." }],
    ["/system", { kind: "system", text: undefined }],
    ["/temperature 0.7", { kind: "temperature", value: 0.7 }],
    ["/temperature 0", { kind: "temperature", value: 0 }],
    ["//etc/passwd", { kind: "message", text: "/etc/passwd" }],
  ])("%j is understood", (line, expected) => {
    expect(parseLine(line)).toEqual(expected);
  });

  it.each(["/temperature", "/temperature -1", "/temperature warm", "/temperature Infinity", "/nope", "/"])(
    "%j is refused with what to write instead",
    (line) => {
      expect(parseLine(line).kind).toBe("mistake");
    },
  );

  it("is explained by /help for every command", () => {
    for (const [, command = ""] of chatHelp.matchAll(/^\/([a-z]+)/gm)) {
      expect(parseLine(`/${command} 1`).kind).not.toBe("mistake");
    }
  });
});

describe("text in a column", () => {
  it("is broken between words, and within words that are too long", () => {
    expect(wrapText("the quick brown fox", 9)).toEqual(["the quick", "brown fox"]);
    expect(wrapText("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
    expect(wrapText("a\n\nb", 4)).toEqual(["a", "", "b"]);
    expect(wrapText("", 4)).toEqual([""]);
  });

  it("counts wide characters as two columns, and keeps emoji and accents whole", () => {
    expect(wrapText("日本語です", 4)).toEqual(["日本", "語で", "す"]);
    expect(wrapText("👩‍👩‍👧👩‍👩‍👧", 3)).toEqual(["👩‍👩‍👧", "👩‍👩‍👧"]);
    expect(columnsOf("e\u0301")).toBe(1);
    expect(columnsOf("🇩🇪")).toBe(2);
    expect(clusterWidth("❤️")).toBe(2);
    expect(clusterWidth("\u0301")).toBe(0);
  });

  it("has no control characters that act on the terminal", () => {
    expect(wrapText("a\u001b[2Jb", 20).join("")).not.toContain("\u001b");
  });

  it("is never wider than the column, and loses no character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 80 }), fc.integer({ min: 2, max: 30 }), (text, width) => {
        const rows = wrapText(text, width);
        for (const row of rows) expect(columnsOf(row)).toBeLessThanOrEqual(width);
      }),
    );
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z日é \n]*$/), fc.integer({ min: 2, max: 30 }), (text, width) => {
        const dense = (some: string): string => some.replaceAll(/\s/g, "");
        expect(dense(wrapText(text, width).join(""))).toBe(dense(text));
      }),
    );
  });

  it("changes only in its last row when text is appended", () => {
    const more = fc.stringMatching(/^[a-z日 \n]{0,40}$/);
    fc.assert(
      fc.property(more, more, fc.integer({ min: 2, max: 20 }), (text, added, width) => {
        const before = wrapText(text, width).slice(0, -1);
        expect(wrapText(text + added, width).slice(0, before.length)).toEqual(before);
      }),
    );
  });

  it("is side by side only where the terminal is wide enough", () => {
    expect(columnsFor(80, true)).toBeNull();
    expect(columnsFor(160, true)).toEqual({ width: 78, separator: " │ " });
    expect(columnsFor(160, false)?.separator).toBe(" | ");
    expect(besides(["日本", "b"], ["x"], { width: 5, separator: " | " })).toEqual(["日本  | x", "b     |"]);
  });
});

describe("two answers side by side", () => {
  const long = (word: string): string => Array.from({ length: 120 }, (_, index) => `${word}${index}`).join(" ");

  it("are complete on the screen, also when they are longer than the terminal", () => {
    const terminal = Object.assign(new Terminal(100), { rows: 10 });
    const layout = columnsFor(100, true)!;
    const view = new ColumnsView(terminal, layout, ["base", "tuned"]);
    const [left, right] = [long("left"), long("right").slice(0, 350)];
    for (let at = 0; at < left.length; at += 7) {
      view.add(0, left.slice(at, at + 7));
      if (at < right.length) view.add(1, right.slice(at, at + 7));
      if (at === 350) view.end(1);
    }
    view.end(0);
    const rows = besides(wrapText(left, layout.width), wrapText(right, layout.width), layout);
    expect(rows.length).toBeGreaterThan(terminal.rows);
    expect(terminal.screen).toEqual([...besides(["base"], ["tuned"], layout), ...rows]);
  });
});
