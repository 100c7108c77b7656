/** What README.md and the other pages say is so: metrics, commands, messages, links, files. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../../src/cli/program.js";
import { schemaAt } from "../../../src/config/keys.js";
import { createCoordinatorMetrics, createSweepMetrics, createWorkerMetrics } from "../../../src/telemetry/index.js";
import { anchorsOf, commandLines, inProject, pages, readPage, rowsOf, sectionOf } from "../../support/pages.js";

/** All sources, with "…" for what a message fills in. */
const sources = readdirSync(inProject("src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readPage(join("src", file)).replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, "…"))
  .join("\n");

describe("the tables of metrics", () => {
  const names = (text: string, worker: boolean): string[] => {
    const found = [...text.matchAll(/^# TYPE (coxswain_\w+) (\w+)$/gm)].map(([, name, type]) => `${name!} ${type!}`);
    expect(
      found.some((line) => line.startsWith("coxswain_worker_connected")),
      "the worker's own",
    ).toBe(worker);
    return found.sort();
  };
  const page = readPage("docs/metrics.md");
  const [coordinator, worker] = [sectionOf(page, "Coordinator"), sectionOf(page, "Worker")];
  const told = (text: string): string[] => [...rowsOf(text)].map(([name, cells]) => `${name} ${cells[0]!}`).sort();

  it("have every metric of the coordinator, with its type", async () => {
    expect(told(coordinator)).toEqual(names(await createCoordinatorMetrics("0").text(), false));
  });

  it("have every metric of a sweep, with its type", async () => {
    expect(told(sectionOf(page, "Sweep"))).toEqual(names(await createSweepMetrics("0").text(), false));
  });

  it("have every metric of a worker, with its type", async () => {
    expect(told(worker)).toEqual(names(await createWorkerMetrics("0").text(), true));
  });
});

describe("what can be typed", () => {
  const program = createProgram();
  const commands = new Map(program.commands.map((command: Command) => [command.name(), command]));
  const { scripts } = JSON.parse(readPage("package.json")) as { scripts: Record<string, string> };
  const page = readPage("docs/commands.md");

  it.each(pages)("%s: commands, options, keys and scripts that there are", (name) => {
    const text = readPage(name);
    // What changed may name what has changed since.
    const lines = name === "CHANGELOG.md" ? [] : commandLines(text, "coxswain");
    for (const line of lines) {
      const [, word = ""] = line.split(/[\s:]+/);
      if (/^[A-Z…]/.test(word)) continue;
      if (word.startsWith("-")) {
        expect(["--help", "--version"], line).toContain(word);
        continue;
      }
      const command = word === "help" ? program : commands.get(word);
      expect(command, `${line}: there is no such command`).toBeDefined();
      for (const [flag] of line.matchAll(/(?<=\s)--?[a-z][a-z-]*/g))
        expect(
          command!.options.some(({ long, short }) => flag === long || flag === short),
          `${line}: ${flag}`,
        ).toBe(true);
      for (const [, key] of line.matchAll(/--set '?([\w.]+)=/g))
        expect(key === "key" ? {} : schemaAt(key!.split(".")), `${line}: ${key!}`).toBeDefined();
    }
    for (const [, script] of text.matchAll(/\bnpm run ([\w:-]+)/g)) expect(Object.keys(scripts)).toContain(script);
    for (const line of commandLines(text, "node")) {
      const file = /^node ((?:scripts|bench|examples)\/\S+)/.exec(line)?.[1];
      if (file !== undefined) expect(existsSync(inProject(file)), line).toBe(true);
    }
  });

  it("is found in blocks, after a prompt, behind another command and in running text", () => {
    const text =
      "```sh\nnpm ci && coxswain a \\\n  --b # c\n```\n```\n$ coxswain d\n```\nand `X=1 coxswain e` or `f`\n";
    expect(commandLines(text, "coxswain")).toEqual(["coxswain a    --b", "coxswain d", "coxswain e"]);
    expect(commandLines(readPage("README.md"), "coxswain").length).toBeGreaterThan(4);
  });

  it("has the environment variables that are read", () => {
    const section = sectionOf(page, "Environment");
    const used = sources.match(/(?<=")(?:COXSWAIN|HF|HUGGINGFACE|XDG)_[A-Z_]+(?=")/g) ?? [];
    for (const name of new Set(used)) expect(section, name).toContain(`\`${name}\``);
    const told = section.match(/(?<=`)(?:COXSWAIN|HF|HUGGINGFACE|XDG)_[A-Z_]+(?=`)/g)!;
    for (const name of told) expect(used, name).toContain(name);
  });

  it("is in the table of commands, with every command there is", () => {
    const typed = [...rowsOf(page).keys()].filter((line) => line.startsWith("coxswain "));
    const told = typed.map((line) => line.split(" ")[1]!);
    const isThere = (name: string): boolean => name !== "help";
    expect(told.sort()).toEqual([...commands.keys()].filter(isThere).sort());
  });
});

describe("the table of troubles", () => {
  const rows = readPage("docs/troubleshooting.md").matchAll(/^\| ((?:`[^`]+`(?:, )?)+) \|/gm);
  const messages = [...rows].flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, message]) => message!));

  it("is long", () => expect(messages.length).toBeGreaterThan(15));

  it.each(messages)("%s: is what is printed", (message) => {
    const parts = message.split("…").map((part) => part.replace(/^[ ,:;)?]+|[ ,:;(?]+$/g, ""));
    // What a message begins with may be a name that is filled in.
    const said = parts.map((part) => part.replace(/^(cluster\.listen|telemetry\.http|--model): ?/, ""));
    for (const part of said.filter((text) => text.length > 2)) expect(sources.includes(part), part).toBe(true);
  });
});

/** Source files that a page names without a folder, and the folder that was named before on the line, if any. */
function bareFilesOf(text: string): { folder: string; file: string }[] {
  return text.split("\n").flatMap((line) => {
    let folder = "";
    return [...line.matchAll(/`([\w./-]+)`/g)].flatMap(([, code = ""]) => {
      if (/^\w[\w.-]*\/[\w./-]*$/.test(code)) folder = code.endsWith("/") ? code.slice(0, -1) : dirname(code);
      return /^[\w-][\w.-]*\.(?:ts|mts|mjs|py|proto|wat)$/.test(code) ? [{ folder, file: code }] : [];
    });
  });
}

describe("what pages point to", () => {
  const isFile = (path: string): boolean => existsSync(inProject(path));
  const sourceNames = new Set(
    ["src", "tests", "scripts", "proto", "bench", "examples/quickstart/scripts"].flatMap((root) =>
      readdirSync(inProject(root), { recursive: true, encoding: "utf8" }).map((path) => basename(path)),
    ),
  );

  it.each(pages)("%s: files and headings that are there", (page) => {
    const text = readPage(page);
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : relative(inProject("."), join(inProject(dirname(page)), path));
      expect(existsSync(inProject(file)), target).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(inProject(file), "utf8")), target).toContain(anchor);
    }
    const roots = "src|tests|docs|proto|schema|scripts|bench|deploy|examples";
    for (const [, file] of text.matchAll(new RegExp(`\`((?:${roots})/[\\w./-]+)\``, "g")))
      if (page !== "CHANGELOG.md" && !/^tests\/golden\/$/.test(file!))
        expect(existsSync(inProject(file!)), file).toBe(true);
  });

  it.each(pages.filter((page) => page !== "CHANGELOG.md"))(
    "%s: a file without its folder is in the one before",
    (page) => {
      for (const { folder, file } of bareFilesOf(readPage(page))) {
        const places = [folder, ".", dirname(page), join(dirname(page), folder)].map((place) => join(place, file));
        const isThere = folder === "" ? sourceNames.has(file) || existsSync(inProject(file)) : places.some(isFile);
        expect(isThere, `${file} in ${folder}`).toBe(true);
      }
    },
  );

  it("a file without its folder is found, with the folder named before it on its line", () => {
    expect(bareFilesOf("| a | `src/b/c.ts`, `d.ts`; `src/e/`: `f.mjs` (`g()`) |\n`h.py`\n")).toEqual([
      { folder: "src/b", file: "d.ts" },
      { folder: "src/e", file: "f.mjs" },
      { folder: "", file: "h.py" },
    ]);
  });

  it("docs/README.md: every page of the folder", () => {
    const index = readPage("docs/README.md");
    const others = pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md");
    for (const page of others) expect(index).toContain(`](${page.slice("docs/".length)})`);
  });

  it("headings are named as GitHub names them", () => {
    expect(
      anchorsOf(
        "# `a.b`, c\n```sh\n# no heading\n```\n## On a network that you don't trust\n## [L](x) _y_\n## L _y_\n",
      ),
    ).toEqual(["ab-c", "on-a-network-that-you-dont-trust", "l-_y_", "l-_y_-1"]);
  });

  it("README.md fits on a screen or two", () => {
    expect(readPage("README.md").split("\n").length).toBeLessThanOrEqual(95);
  });
});
