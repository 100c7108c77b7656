/** What `npm ci` does in a clone follows from three files: npm of every version must neither warn nor reach for NuGet. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFolder } from "../../support/processes.js";

interface Locked {
  readonly engines?: { readonly node?: string };
  readonly dev?: boolean;
  readonly deprecated?: string;
  readonly hasInstallScript?: boolean;
}

const read = (name: string): string => readFileSync(join(projectFolder, name), "utf8");
const manifest = JSON.parse(read("package.json")) as {
  readonly engines: { readonly node: string };
  readonly allowScripts: Readonly<Record<string, boolean>>;
};
const lock = JSON.parse(read("package-lock.json")) as { readonly packages: Readonly<Record<string, Locked>> };
const withScript = Object.entries(lock.packages)
  .filter(([, { hasInstallScript }]) => hasInstallScript === true)
  .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));

describe("npm ci in a clone", () => {
  // npm runs, and asks about, the scripts of those packages alone that the lock file says have any.
  // `npm install onnxruntime-node@…` writes `hasInstallScript` into package-lock.json again: take it out.
  it("succeeds without access to NuGet: the lock file has no install script for onnxruntime-node", () => {
    expect(Object.keys(lock.packages)).toContain("node_modules/onnxruntime-node");
    expect(withScript).not.toContain("onnxruntime-node");
  });

  it("lets npm 12 run the scripts that fetch TensorFlow's library, without questions from npm 11", () => {
    expect(withScript).toEqual(["@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"]);
    for (const name of withScript) expect(manifest.allowScripts[name]).toBe(true);
  });

  it("prints no npm warning about .npmrc, which has only npm's own keys", () => {
    const keys = [...read(".npmrc").matchAll(/^([^#=\s]+)=/gm)].map(([, key]) => key);
    expect(keys).toEqual(["fund", "loglevel"]);
  });

  it("prints no warning about deprecated packages", () => {
    const deprecated = Object.entries(lock.packages).filter(([, { deprecated: why }]) => why !== undefined);
    expect(deprecated.map(([path]) => path)).toEqual([]);
  });

  it("is allowed on Node.js 20.19 and later", () => {
    expect(manifest.engines.node).toBe(">=20.19");
  });
});
