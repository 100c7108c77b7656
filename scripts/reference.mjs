/**
 * Generates files from the run file's schema (`src/config/schema.ts`): `schema/run.schema.json`, for editors, and the
 * tables of `docs/run-file.md`. A test fails while they are out of date.
 *
 *   npm run reference
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTypescript } from "./load-typescript.mjs";
import { withReference } from "./reference/page.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { runJsonSchema, runJsonSchemaText } = await loadTypescript(join(root, "src", "config", "json-schema.ts"));

function write(path, text) {
  writeFileSync(join(root, path), text);
  console.log(path);
}

write("schema/run.schema.json", runJsonSchemaText());
write("docs/run-file.md", withReference(readFileSync(join(root, "docs", "run-file.md"), "utf8"), runJsonSchema()));
