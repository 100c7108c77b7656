/** Loads a TypeScript module with its imports, without a build. */
import { rolldown } from "rolldown";

/** @param entry the path of the module @returns what it exports */
export async function loadTypescript(entry) {
  const bundle = await rolldown({ input: entry, platform: "node", logLevel: "warn" });
  const { output } = await bundle.generate({ format: "esm" });
  await bundle.close();
  return await import(`data:text/javascript;base64,${Buffer.from(output[0].code).toString("base64")}`);
}
