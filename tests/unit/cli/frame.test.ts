/** What a user loses if these fail: trouble ends in a sentence, a cure and an exit code that scripts can tell apart. */
import { EventEmitter } from "node:events";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { coloursFor, supportsUnicode } from "../../../src/cli/terminal/colour.js";
import { endOnSignals, runCommand, setOption, type FrameProcess } from "../../../src/cli/frame.js";
import { CoxswainError, type ErrorCode } from "../../../src/errors.js";

interface Ended {
  text: string;
  readonly codes: number[];
}

async function end(error: unknown, environment: Record<string, string> = {}, isTTY = false): Promise<Ended> {
  const ended: Ended = { text: "", codes: [] };
  const host: FrameProcess = {
    stderr: {
      isTTY,
      write: (text, done) => {
        ended.text += text;
        done();
      },
    },
    environment,
    exit: (code) => ended.codes.push(code),
  };
  await runCommand(() => {
    throw error;
  }, host);
  return ended;
}

describe("a command that fails", () => {
  it("prints the message and the hint, and no stack", async () => {
    const { text } = await end(new CoxswainError("config", "run.yaml:5: seed: wrong", { hint: "Write a number." }));
    expect(text).toBe("error: run.yaml:5: seed: wrong\nhint: Write a number.\n");
  });

  it("prints only the message if there is no hint", async () => {
    expect((await end(new CoxswainError("data", "no rows"))).text).toBe("error: no rows\n");
  });

  it("prints a message from another process without its control characters", async () => {
    const thrown = new CoxswainError("network", "\u001b[2Jred\u009b31m\rover\n\tmore", { hint: "\u0007ring\r\nagain" });
    expect((await end(thrown)).text).toBe("error: \uFFFD[2Jred\uFFFD31m\uFFFDover\n\tmore\nhint: \uFFFDring\nagain\n");
  });

  // The codes that deploy/ and users' scripts rely on.
  it.each<[ErrorCode, number]>([
    ["bug", 1],
    ["usage", 2],
    ["config", 2],
    ["data", 3],
    ["model", 4],
    ["network", 5],
    ["cluster", 5],
    ["storage", 6],
    ["machine", 7],
    ["diverged", 8],
    ["interrupted", 130],
  ])("of kind %s ends with exit code %i", async (code, exitCode) => {
    expect((await end(new CoxswainError(code, "m"))).codes).toEqual([exitCode]);
  });

  it.each([
    [new TypeError("x is undefined"), "error: TypeError: x is undefined\n"],
    [new Error("odd"), "error: odd\n"],
    ["text", "error: text\n"],
    [new CoxswainError("bug", "no tree for step 3"), "error: no tree for step 3\n"],
  ])("with an internal error (%s) says so and where to report it", async (error, first) => {
    const { text, codes } = await end(error);
    expect(text).toBe(
      `${first}hint: This is an internal error: please report it (see docs/troubleshooting.md). Run the command with COXSWAIN_DEBUG=1 and include the output.\n`,
    );
    expect(codes).toEqual([1]);
  });

  it("prints the stack and the cause on request", async () => {
    const error = new CoxswainError("data", "m", { cause: new Error("the cause") });
    const { text } = await end(error, { COXSWAIN_DEBUG: "1" });
    expect(text).toContain("frame.test.ts");
    expect(text).toContain("the cause");
  });

  it("because its output was closed is silent", async () => {
    const { text, codes } = await end(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    expect({ text, codes }).toEqual({ text: "", codes: [141] });
  });

  it("is coloured on a terminal, unless NO_COLOR is set", async () => {
    const error = new CoxswainError("data", "m");
    expect((await end(error, {}, true)).text).toContain("\u001b[31merror:");
    expect((await end(error, { NO_COLOR: "1" }, true)).text).toBe("error: m\n");
  });
});

describe("a command that succeeds", () => {
  it("prints nothing and leaves the exit code unchanged", async () => {
    const exits: number[] = [];
    await runCommand(() => Promise.resolve(), {
      stderr: { write: () => expect.unreachable() },
      environment: {},
      exit: (code) => exits.push(code),
    });
    expect(exits).toEqual([]);
  });
});

describe("--set", () => {
  const parse = (...words: string[]): unknown => {
    const command = setOption(new Command());
    return command.parse(words, { from: "user" }).opts()["set"];
  };

  it("may be given any number of times, in order", () => {
    expect(parse()).toEqual([]);
    expect(parse("--set", "a=1", "--set", "b.c=x=y", "--set=d=2")).toEqual(["a=1", "b.c=x=y", "d=2"]);
  });

  it("has no empty default in the help", () => {
    const help = setOption(new Command()).helpInformation();
    expect(help).toContain("--set <key=value>");
    expect(help).not.toContain("default");
  });
});

describe("colours", () => {
  it.each<[boolean, Record<string, string>, boolean]>([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { TERM: "dumb" }, false],
    [false, { FORCE_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "0" }, false],
    [false, { FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ])("on a terminal (%s) with %j: %s", (isTTY, environment, expected) => {
    expect(coloursFor({ isTTY }, environment).isColorSupported).toBe(expected);
  });

  it.each<[Record<string, string>, boolean]>([
    [{}, true],
    [{ LANG: "en_GB.UTF-8" }, true],
    [{ LANG: "C.utf8" }, true],
    [{ LANG: "C" }, false],
    [{ LC_ALL: "POSIX", LANG: "en_GB.UTF-8" }, false],
    [{ TERM: "linux", LANG: "en_GB.UTF-8" }, false],
  ])("and characters beyond ASCII with %j: %s", (environment, expected) => {
    expect(supportsUnicode(environment)).toBe(expected);
  });
});

describe("a signal", () => {
  class Host extends EventEmitter {
    readonly codes: number[] = [];
    constructor(readonly pid: number) {
      super();
    }
    exit(code: number): void {
      this.codes.push(code);
    }
  }

  it("ends the first process of a container, for which the kernel ignores it by default", () => {
    const host = new Host(1);
    endOnSignals(host);
    host.emit("SIGTERM");
    host.emit("SIGINT");
    expect(host.codes).toEqual([143, 130]);
  });

  it("is left to the command that handles it", () => {
    const host = new Host(1);
    endOnSignals(host);
    host.on("SIGTERM", () => undefined);
    host.emit("SIGTERM");
    expect(host.codes).toEqual([]);
  });

  it("is left to the kernel elsewhere", () => {
    const host = new Host(4711);
    endOnSignals(host);
    expect(host.eventNames()).toEqual([]);
  });
});
