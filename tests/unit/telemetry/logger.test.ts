/** These tests protect: logs that machines can read, that eyes can read, and that keep secrets. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createColors } from "picocolors";
import { createLogger, levelFromEnvironment, LogFile } from "../../../src/telemetry/index.js";
import { formatLogLine } from "../../../src/telemetry/log-lines.js";

class Collector {
  text = "";
  constructor(readonly isTTY = false) {}
  write(text: string): void {
    this.text += text;
  }
}

describe("a log", () => {
  it("has one line of JSON per record if it is not a terminal", () => {
    const destination = new Collector();
    const { logger } = createLogger({ name: "coordinator", destination, level: "info" });
    logger.info({ worker: "a" }, "joined");
    logger.debug("not written");
    expect(destination.text.endsWith("\n")).toBe(true);
    expect(JSON.parse(destination.text)).toMatchObject({ level: 30, name: "coordinator", worker: "a", msg: "joined" });
  });

  it("has human-readable lines on a terminal", () => {
    const destination = new Collector(true);
    const { logger } = createLogger({ name: "worker-1", destination, level: "info", colour: false });
    logger.warn({ coordinator: "h:1", retryMs: 200 }, "no connection");
    expect(destination.text).toMatch(
      /^\d\d:\d\d:\d\d WARN {2}worker-1 {2}no connection {2}coordinator=h:1 retryMs=200\n$/,
    );
  });

  it("never contains a token", () => {
    const destination = new Collector();
    const { logger } = createLogger({ name: "c", destination, level: "info" });
    logger.info(
      { token: "hunter2", cluster: { token: "hunter2" }, config: { cluster: { token: "hunter2" } } },
      "start",
    );
    expect(destination.text).not.toContain("hunter2");
    expect(destination.text.match(/\[secret\]/g)).toHaveLength(3);
  });

  it("includes an error's stack", () => {
    const destination = new Collector();
    createLogger({ name: "c", destination, level: "info" }).logger.error({ error: new TypeError("no") }, "failed");
    expect(JSON.parse(destination.text)).toMatchObject({
      error: { type: "TypeError", message: "no", stack: expect.any(String) as string },
    });
  });

  it("in a file is appended and flushed immediately, and creates its folder", () => {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-log-"));
    try {
      const path = join(folder, "logs/coordinator.log");
      for (const message of ["one", "two"]) {
        const log = createLogger({ name: "c", destination: path, level: "info" });
        log.logger.info(message);
        expect(readFileSync(path, "utf8")).toContain(message);
        log.close();
        log.logger.info("after the end");
      }
      expect(readFileSync(path, "utf8").trim().split("\n")).toHaveLength(2);
      writeFileSync(join(folder, "file"), "");
      expect(() => createLogger({ name: "c", destination: join(folder, "file/x.log"), level: "info" })).toThrow(
        expect.objectContaining({ code: "storage" }),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a log that cannot be opened", () => {
  it.each([
    ["x".repeat(300), "Give a shorter path."],
    [".", "Expected a file, not a folder."],
    ["file/worker.log", "Expected a folder, not a file."],
  ])("has the actual cause in its error (%s)", (name, hint) => {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-log-"));
    try {
      writeFileSync(join(folder, "file"), "");
      const log = new LogFile(join(folder, name));
      expect(() => log.open()).toThrow(expect.objectContaining({ code: "storage", hint }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a log whose folder is created later", () => {
  it("contains earlier records, and creates nothing if it is never opened", () => {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-log-"));
    try {
      const path = join(folder, "out/logs/coordinator.log");
      const unopened = new LogFile(path);
      unopened.write("lost\n");
      unopened.close();
      expect(readdirSync(folder)).toEqual([]);
      const file = new LogFile(path);
      const { logger } = createLogger({ name: "c", destination: file, level: "info" });
      logger.info("before");
      file.open();
      logger.info("after");
      file.close();
      logger.info("after the end");
      expect(readFileSync(path, "utf8").match(/"msg":"[^"]*"/g)).toEqual(['"msg":"before"', '"msg":"after"']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a log", () => {
  it("shows texts of other machines on one line, without control characters", () => {
    const lines: string[] = [];
    const { logger } = createLogger({
      name: "c",
      destination: { write: (line: string) => lines.push(line) },
      level: "info",
    });
    logger.warn({ reason: "a\u009b2J\nstep 9/9", longer: "x".repeat(5_000) }, "lost");
    const [line] = lines.map((each) => JSON.parse(each) as { reason: string; longer: string });
    expect(line?.reason).toBe("a\uFFFD2J step 9/9");
    expect(line?.longer).toHaveLength(4_000);
  });

  it("begins anew when it is full, and keeps what was before", () => {
    const folder = mkdtempSync(join(tmpdir(), "coxswain-log-"));
    try {
      const path = join(folder, "c.log");
      const file = new LogFile(path, 10);
      file.open();
      for (const line of ["first...\n", "second..\n", "third...\n", "fourth..\n", "fifth...\n"]) file.write(line);
      file.close();
      expect(readdirSync(folder).toSorted()).toEqual(["c.log", "c.log.1"]);
      expect(readFileSync(`${path}.1`, "utf8")).toBe("third...\nfourth..\n");
      expect(readFileSync(path, "utf8")).toBe("fifth...\n");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("COXSWAIN_LOG_LEVEL", () => {
  it("defaults to info, and accepts a known level", () => {
    expect(levelFromEnvironment({})).toBe("info");
    expect(levelFromEnvironment({ COXSWAIN_LOG_LEVEL: "" })).toBe("info");
    expect(levelFromEnvironment({ COXSWAIN_LOG_LEVEL: "DEBUG" })).toBe("debug");
  });

  it("is rejected if unknown, with the valid ones", () => {
    expect(() => levelFromEnvironment({ COXSWAIN_LOG_LEVEL: "loud" })).toThrow(
      expect.objectContaining({
        code: "config",
        message: 'COXSWAIN_LOG_LEVEL: unknown level "loud"',
        hint: "Use one of trace, debug, info, warn, error, fatal, silent.",
      }),
    );
  });
});

describe("a human-readable line", () => {
  it("leaves text that is not a record unchanged", () => {
    expect(formatLogLine("plain text", createColors(false))).toBe("plain text");
  });

  it("is coloured by level", () => {
    const record = JSON.stringify({ level: 50, time: 0, msg: "m", step: 3 });
    expect(formatLogLine(record, createColors(true))).toContain("\u001b[31mERROR\u001b[39m");
  });
});
