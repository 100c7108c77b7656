/** Locates compiled modules that Node starts as threads or processes. */
import { existsSync } from "node:fs";
import { CoxswainError } from "./errors.js";

/**
 * Next to this module once compiled. When the TypeScript sources run (in tests), compiled modules are in `dist`: Node
 * cannot start a thread or a process from TypeScript.
 * @param path within the sources' folder, "compute/thread/entry.js"
 */
export function compiledModule(path: string): URL {
  const candidates = [new URL(`./${path}`, import.meta.url), new URL(`../dist/${path}`, import.meta.url)];
  const found = candidates.find((url) => existsSync(url));
  if (found !== undefined) return found;
  throw new CoxswainError("bug", `the compiled module ${path} is missing`, { hint: "Run: npm run build" });
}
