/** What README.md and the other pages say is so: keys, defaults, metrics, commands, files. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { plannedCommands } from "../../../src/cli/planned.js";
import { createProgram } from "../../../src/cli/program.js";
import { allKeys, kindOf, schemaAt } from "../../../src/config/keys.js";
import { dataFormats, runSchema, schedulerTypes } from "../../../src/config/index.js";
import { createCoordinatorMetrics, createWorkerMetrics } from "../../../src/telemetry/index.js";

const project = fileURLToPath(new URL("../../../", import.meta.url));
const read = (file: string): string => readFileSync(join(project, file), "utf8");
const readme = read("README.md");

/** All sources, with "…" for what a message fills in. */
const sources = readdirSync(join(project, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => read(join("src", file)).replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…"))
  .join("\n");

/** The cells of a page's table rows whose first cell is code, by that code. */
function rowsOf(text: string): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const cells = line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, "").trim());
    const code = /^`([^`]+)`$/.exec(cells[0]!)?.[1];
    if (!line.startsWith("| `") || code === undefined) continue;
    if (rows.has(code)) throw new Error(`two rows are about ${code}`);
    rows.set(code, cells.slice(1));
  }
  return rows;
}

/** From a heading to the next one of its level or above. */
function section(title: string): string {
  const from = readme.indexOf(`\n## ${title}\n`);
  expect(from, title).toBeGreaterThan(0);
  const to = readme.indexOf("\n## ", from + 1);
  return readme.slice(from, to < 0 ? undefined : to);
}

describe("the table of the run file", () => {
  const rows = rowsOf(section("The run file").split("\n### ", 1).join(""));
  const required = { model: "m", output_dir: "o", data: { train: "t" } };
  const defaults = runSchema.parse(required) as unknown;
  /** Sections are told by their keys; some are null or a whole, `telemetry.nats` with a page of its own. */
  const wholes = ["cluster.tls", "telemetry.nats"];
  const leaves = allKeys().filter((key) => {
    const keys = key.split(".");
    const isSection = kindOf(schemaAt(keys)!) === "fixed" && !wholes.includes(key);
    return !isSection && !wholes.some((whole) => key.startsWith(`${whole}.`));
  });

  it("has every key, in the schema's order, and no other", () => {
    expect([...rows.keys()]).toEqual(leaves);
  });

  it("gives the defaults that a run without the keys has", () => {
    for (const key of leaves) {
      const said = rows.get(key)![0]!;
      if (["model", "output_dir", "data.train"].includes(key)) {
        expect(said, key).toBe("required");
        continue;
      }
      const value = key.split(".").reduce((at, name) => (at as Record<string, unknown>)[name], defaults);
      expect(JSON.parse(/^`(.+)`$/.exec(said)![1]!), key).toEqual(value);
    }
  });

  it("of NATS, on its own page, has every key of that section", () => {
    const told = [...rowsOf(read("docs/nats.md")).keys()].filter((key) => key.startsWith("telemetry.nats."));
    const keys = allKeys().filter((key) => /^telemetry\.nats\.\w+$/.test(key));
    expect(told).toEqual(keys);
  });

  it("names every scheduler and data format", () => {
    for (const name of schedulerTypes)
      expect(rows.get("training.lr_scheduler_type")!.join(), name).toContain(`\`${name}\``);
    for (const name of dataFormats) expect(rows.get("data.format")!.join(), name).toContain(`\`${name}\``);
  });
});

describe("the tables of metrics", () => {
  const names = (text: string, worker: boolean): string[] => {
    const found = [...text.matchAll(/^# TYPE (coxswain_\w+) (\w+)$/gm)].map(([, name, type]) => `${name!} ${type!}`);
    expect(
      found.some((line) => line.startsWith("coxswain_worker_connected")),
      "the worker's own",
    ).toBe(worker);
    return found.sort();
  };
  const [coordinator, worker] = section("Metrics").split("A worker's (");
  const told = (text: string): string[] => [...rowsOf(text)].map(([name, cells]) => `${name} ${cells[0]!}`).sort();

  it("have every metric of the coordinator, with its type", async () => {
    expect(told(coordinator!)).toEqual(names(await createCoordinatorMetrics("0").text(), false));
  });

  it("have every metric of a worker, with its type", async () => {
    expect(told(worker!)).toEqual(names(await createWorkerMetrics("0").text(), true));
  });
});

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "examples/quickstart/README.md",
  "bench/README.md",
  "tests/peers/README.md",
  ...readdirSync(join(project, "docs")).map((name) => `docs/${name}`),
];

/** Command lines of `coxswain` in a page's code blocks, line continuations joined, comments taken off. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block!.replaceAll("\\\n", " "));
  const lines = blocks.flatMap((block) => block.split("\n")).map((line) => line.replace(/\s#.*$/, ""));
  return lines.flatMap((line) => /^(?:npx )?(coxswain .*)$/.exec(line.trim())?.[1] ?? []);
}

describe("what can be typed", () => {
  const program = createProgram();
  const commands = new Map(program.commands.map((command: Command) => [command.name(), command]));
  const lines = pages.flatMap((page) => commandLines(read(page)).map((line) => [page, line] as const));

  it("is shown in several places", () => expect(lines.length).toBeGreaterThan(8));

  it.each(lines)("%s: %s", (_page, line) => {
    const [, name] = line.split(/\s+/);
    const command = commands.get(name!);
    expect(command, `there is no command ${name!}`).toBeDefined();
    for (const [flag] of line.matchAll(/(?<=\s)--?[a-z][a-z-]*/g))
      expect(
        command!.options.some(({ long, short }) => flag === long || flag === short),
        flag,
      ).toBe(true);
    for (const [, key] of line.matchAll(/--set ([\w.]+)=/g)) expect(schemaAt(key!.split(".")), key).toBeDefined();
  });

  it("has the environment variables that are read", () => {
    const used = sources.match(/(?<=")(?:COXSWAIN|HF|HUGGINGFACE|XDG)_[A-Z_]+(?=")/g) ?? [];
    for (const name of new Set(used)) expect(section("Commands"), name).toContain(`\`${name}\``);
    const told = section("Commands").match(/(?<=`)(?:COXSWAIN|HF|HUGGINGFACE|XDG)_[A-Z_]+(?=`)/g)!;
    for (const name of told) expect(used, name).toContain(name);
  });

  it("is in the table of commands, with every command there is", () => {
    const typed = [...rowsOf(section("Commands")).keys()].filter((line) => line.startsWith("coxswain "));
    const told = typed.map((line) => line.split(" ")[1]!);
    const isThere = (name: string): boolean => name !== "help" && !Object.hasOwn(plannedCommands, name);
    expect(told.sort()).toEqual([...commands.keys()].filter(isThere).sort());
  });
});

describe("the table of troubles", () => {
  const rows = section("Troubleshooting").matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \|/gm);
  const messages = [...rows].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, message]) => message!));

  it("is long", () => expect(messages.length).toBeGreaterThan(15));

  it.each(messages)("%s: is what is printed", (message) => {
    const parts = message.split("…").map((part) => part.replace(/^[ ,:;)?]+|[ ,:;(?]+$/g, ""));
    // What a message begins with may be a name that is filled in.
    const said = parts.map((part) => part.replace(/^(cluster\.listen|telemetry\.http|--model): ?/, ""));
    for (const part of said.filter((text) => text.length > 2)) expect(sources).toContain(part);
  });
});

describe("what pages point to", () => {
  it.each(pages)("%s: links and files that are there", (page) => {
    const text = read(page);
    const base = join(project, dirname(page));
    for (const [, target] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g))
      expect(existsSync(join(base, target!)), target).toBe(true);
    const roots = "src|tests|docs|proto|scripts|bench";
    for (const [, file] of text.matchAll(new RegExp(`\`((?:${roots})/[\\w./-]+)\``, "g")))
      if (!/^tests\/golden\/$/.test(file!)) expect(existsSync(join(project, file!)), file).toBe(true);
  });

  it("README.md: headings that its links name", () => {
    const anchors = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(" ", "-"));
    const links = [...readme.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor!);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) expect(anchors, link).toContain(link);
  });
});
