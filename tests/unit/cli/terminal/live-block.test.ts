/** What a user loses if these fail: a table that can be read, in a window whose size changes. */
import { expect, it } from "vitest";
import { LiveBlock } from "../../../../src/cli/terminal/live-block.js";
import { Terminal } from "./screen.js";

it("leaves no piece of a table behind when the window gets narrower, or wider", () => {
  for (const [from, to] of [
    [100, 45],
    [45, 20],
    [20, 100],
  ] as const) {
    const terminal = new Terminal(from);
    terminal.write("$ coxswain status --watch\n");
    const block = new LiveBlock(terminal);
    const draw = (): void => block.draw(["training", "x".repeat(terminal.columns - 1), "", "worker  state"]);
    draw();
    terminal.resize(to);
    draw();
    draw();
    const [, ...table] = terminal.screen.slice(-5);
    expect(table, `from ${from} to ${to} columns`).toEqual(["training", "x".repeat(to - 1), "", "worker  state"]);
    expect(terminal.screen.filter((line) => line === "training")).toHaveLength(1);
  }
});
