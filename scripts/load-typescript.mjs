/** Loads a TypeScript module with its imports. */
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Without a build. @param entry the path of the module @returns what it exports */
export const loadTypescript = (entry) => load(entry);

/** With the modules of src/ from dist/: after a build. @param entry the path of the module @returns what it exports */
export const loadBuilt = (entry) => load(entry, [{ name: "built", resolveId: { order: "pre", handler: builtModule } }]);

/** Where the build has put a module of src/; undefined for all others. */
function builtModule(source, importer) {
  if (importer === undefined || !source.startsWith(".")) return undefined;
  const path = relative(root, join(importer, "..", source));
  if (!path.startsWith(`src${sep}`)) return undefined;
  return { id: pathToFileURL(join(root, "dist", relative("src", path))).href, external: true };
}

async function load(entry, plugins = []) {
  const bundle = await rolldown({ input: entry, platform: "node", logLevel: "warn", plugins });
  const { output } = await bundle.generate({ format: "esm" });
  await bundle.close();
  return await import(`data:text/javascript;base64,${Buffer.from(output[0].code).toString("base64")}`);
}
