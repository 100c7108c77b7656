import { readdirSync } from "node:fs";
import js from "@eslint/js";
import tseslint from "typescript-eslint";
import { importX } from "eslint-plugin-import-x";
import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";

/** A folder of src is entered by its index.ts alone. Exceptions are listed, with their reasons, in CONTRIBUTING.md. */
const exceptions = {
  data: ["./row.ts"],
  config: ["./choices.ts"],
  "live-page": ["./browser/parts.ts", "./browser/curves.ts"],
};
const boundaries = readdirSync(new URL("./src", import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => ({
    target: `./src/!(${name})/**/*`,
    from: `./src/${name}`,
    except: ["./index.ts", ...(exceptions[name] ?? [])],
    message: `Import it from src/${name}/index.ts.`,
  }));

export default tseslint.config(
  {
    ignores: [
      ".venv",
      "api-docs/",
      "dist/",
      "node_modules/",
      "src/rpc/generated/",
      "src/collective/kernels.wasm.ts",
      "src/live-page/page.html.ts",
      "src/sweep/page/page.html.ts",
      "examples/quickstart/model/",
      // Compiled against the packed types by tests/e2e/package.test.ts.
      "tests/consumer/",
      "runs/",
    ],
  },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    plugins: { "import-x": importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: { "import-x/resolver-next": [createTypeScriptImportResolver()] },
    rules: {
      "import-x/no-cycle": "error",
      "import-x/no-duplicates": "error",
      "import-x/no-restricted-paths": ["error", { basePath: import.meta.dirname, zones: boundaries }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // A promise that nobody waits for would end the process where it rejects: src/async/detach.ts has that handled.
      // `void` would hide one, in whatever place; `.then` leaves what its own handlers throw to nobody.
      "@typescript-eslint/no-floating-promises": ["error", { ignoreVoid: false }],
      "no-void": "error",
      "no-restricted-syntax": [
        "error",
        {
          selector: "ExpressionStatement > CallExpression[callee.property.name=/^(then|finally)$/]",
          message: "Nobody handles what its handlers throw: use detach.",
        },
      ],
      "no-console": "error",
    },
  },
  {
    files: ["tests/**/*.ts", "bench/**/*.ts"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-floating-promises": ["error", { ignoreVoid: true }],
      "no-void": "off",
      "no-restricted-syntax": "off",
      "no-console": "off",
    },
  },
  {
    files: ["**/*.mjs", "**/*.js"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        Buffer: "readonly",
        setTimeout: "readonly",
        AbortController: "readonly",
        AbortSignal: "readonly",
        clearTimeout: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        performance: "readonly",
        fetch: "readonly",
      },
    },
  },
);
