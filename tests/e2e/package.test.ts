/** The packed package, installed globally, without the repository. */
import { execFile, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { readPage } from "../support/pages.js";
import { projectFolder, temporaryFolder } from "../support/processes.js";
import { stepLines } from "../support/runs.js";
import { WatchedProcess } from "../support/watched-process.js";

const run = promisify(execFile);

interface Packed {
  readonly filename: string;
  /** Bytes. */
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

describe("the packed package", () => {
  let elsewhere: string;
  let prefix: string;
  let packed: Packed;
  let paths: string[];

  beforeAll(async () => {
    elsewhere = temporaryFolder();
    prefix = join(elsewhere, "global");
    // Without scripts: dist is built already, and other tests are using it.
    const packing = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", elsewhere], {
      cwd: projectFolder,
    });
    packed = (JSON.parse(packing.stdout) as Packed[])[0]!;
    paths = packed.files.map(({ path }) => path);
    // As README.md says.
    const install = ["install", "--global", "--ignore-scripts", "--prefix", prefix];
    const { stderr } = await run(
      "npm",
      [...install, "--prefer-offline", "--no-audit", "--no-fund", join(elsewhere, packed.filename)],
      { cwd: elsewhere },
    );
    expect(stderr).not.toContain("npm warn");
  }, 300_000);

  /** The installed program, in a folder that is not the repository. */
  const coxswain = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
    run(join(prefix, "bin", "coxswain"), args, { cwd: elsewhere, env: { ...process.env, NO_COLOR: "1" } });

  it("contains the program, documents, protocol and quickstart", () => {
    const needed = ["LICENSE", "README.md", "CHANGELOG.md", "docs/architecture.md", "proto/coxswain/v1/coxswain.proto"];
    const example = ["run.yaml", "quickstart.mjs", "model/model.safetensors", "data/train.jsonl"];
    expect(paths).toEqual(
      expect.arrayContaining([...needed, "dist/cli/main.js", ...example.map((file) => `examples/quickstart/${file}`)]),
    );
  });

  it("contains nothing else, in less than 8 MB", () => {
    const known =
      /^(dist\/.*\.(js|d\.ts)|proto\/.*|docs\/.*|schema\/run\.schema\.json|examples\/(quickstart|telemetry)\/.*|[A-Z]+(\.md)?|package\.json)$/;
    expect(paths.filter((path) => !known.test(path) || path.includes("/runs/"))).toEqual([]);
    expect(packed.size).toBeLessThan(8e6);
  });

  it("contains every file that README.md links to", () => {
    const targets = [...readPage("README.md").matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => target!);
    expect(targets.length).toBeGreaterThan(15);
    expect(paths).toEqual(expect.arrayContaining(targets));
  });

  it("prints the JSON Schema that is in it, which the bundled run file names", async () => {
    const folder = join(prefix, "lib", "node_modules", "coxswain");
    const schema = readFileSync(join(folder, "schema", "run.schema.json"), "utf8");
    expect((await coxswain("schema")).stdout).toBe(schema);
    const run = readFileSync(join(folder, "examples", "quickstart", "run.yaml"), "utf8");
    const [, path] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(run)!;
    expect(readFileSync(join(folder, "examples", "quickstart", path!), "utf8")).toBe(schema);
  });

  it("prints its version", async () => {
    const { version } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as { version: string };
    expect((await coxswain("--version")).stdout).toBe(`${version}\n`);
  });

  it("trains within a program of another project, as examples/embed shows", async () => {
    const project = join(elsewhere, "embed");
    cpSync(join(projectFolder, "examples", "embed"), project, { recursive: true });
    mkdirSync(join(project, "node_modules"));
    // What npm install would put there; it is installed already.
    symlinkSync(join(prefix, "lib", "node_modules", "coxswain"), join(project, "node_modules", "coxswain"));
    const server = spawn(process.execPath, ["server.mjs"], {
      cwd: project,
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const service = new WatchedProcess(server);
      const [url = ""] = await service.until(/http:\S+/);
      const post = async (body: object): Promise<string> =>
        (await fetch(`${url}/trainings`, { method: "POST", body: JSON.stringify(body) })).text();
      const events = await post({ training: { max_steps: 2 } });
      expect([...events.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)).toEqual(["step", "step", "done"]);
      const { adapter } = JSON.parse(/^event: done\ndata: (.*)$/m.exec(events)![1]!) as { adapter: string };
      expect(existsSync(join(adapter, "adapter_model.safetensors"))).toBe(true);
      expect(await post({ training: { max_step: 2 } })).toMatch(/"code":"config"/);
    } finally {
      server.kill();
    }
  });

  it.each(["nodenext", "bundler"])(
    "has types that a strict consumer compiles against (moduleResolution %s)",
    async (resolution) => {
      const project = join(elsewhere, `types-${resolution}`);
      const modules = join(project, "node_modules");
      mkdirSync(join(modules, "@types"), { recursive: true });
      cpSync(join(projectFolder, "tests", "consumer", "program.ts"), join(project, "program.ts"));
      symlinkSync(join(prefix, "lib", "node_modules", "coxswain"), join(modules, "coxswain"));
      symlinkSync(join(projectFolder, "node_modules", "@types", "node"), join(modules, "@types", "node"));
      writeFileSync(join(project, "package.json"), '{ "type": "module" }');
      const compilerOptions = {
        ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
        ...{ target: "es2023", lib: ["es2023"], types: ["node"] },
        ...{ module: resolution === "bundler" ? "esnext" : resolution, moduleResolution: resolution },
      };
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["program.ts"] }));
      const compiler = join(projectFolder, "node_modules", "typescript", "bin", "tsc");
      const { stdout } = await run(process.execPath, [compiler, "-p", project]).catch(
        (error: unknown) => error as { stdout: string },
      );
      expect(stdout).toBe("");
    },
  );

  it("previews, trains and generates from a copy of the bundled example", async () => {
    const bundled = join(prefix, "lib", "node_modules", "coxswain", "examples", "quickstart");
    cpSync(bundled, join(elsewhere, "quickstart"), { recursive: true });
    const preview = await coxswain("preview", "quickstart/run.yaml", "-n", "1", "--json");
    expect(Object.keys(JSON.parse(preview.stdout) as object)).toEqual(["input_ids", "labels"]);

    const { stdout, stderr } = await coxswain("train", "quickstart/run.yaml", "--set", "training.max_steps=2");
    expect(stderr).toBe("");
    const output = join(elsewhere, "quickstart", "runs", "quickstart");
    expect(stepLines(output).at(-1)!.step).toBe(2);
    expect(existsSync(join(output, "adapter", "adapter_model.safetensors"))).toBe(true);
    expect(stdout).toContain(join("quickstart", "runs", "quickstart", "adapter"));

    const [model, adapter] = ["quickstart/model", "quickstart/runs/quickstart/adapter"];
    const ask = ["--prompt", "hello", "--max-new-tokens", "4"];
    const answer = await coxswain("generate", "--model", model, "--adapter", adapter, ...ask);
    expect(answer.stdout.trim()).not.toBe("");
  });
});
