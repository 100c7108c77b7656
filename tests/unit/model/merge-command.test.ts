import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { registerMerge } from "../../../src/cli/merge/command.js";
import { openModelFolder } from "../../../src/model/index.js";
import { runCommandHere } from "../../support/in-process.js";
import { golden, temporaryFolder } from "./helpers.js";

/** Runs `coxswain merge` in this process; gives what it printed and its exit code. */
const coxswainMerge = (...flags: string[]) => runCommandHere(registerMerge, "merge", ...flags);

afterEach(() => vi.restoreAllMocks());

const adapter = golden("llama/expected_adapter");

describe("coxswain merge", () => {
  it("writes the merged folder and prints its path", async () => {
    const folder = join(temporaryFolder(), "merged");
    const { output, code } = await coxswainMerge(
      "--model",
      golden("llama/model"),
      "--adapter",
      adapter,
      "--output",
      folder,
      "--dtype",
      "bfloat16",
    );
    expect(code).toBeUndefined();
    expect(output).toBe(`merged 21 modules into ${folder} (0.4 MB of weights)\n`);
    expect((await openModelFolder(folder)).tensors.get("lm_head.weight")?.dtype).toBe("BF16");
  });

  it("requires the base model if the adapter names none", async () => {
    const folder = join(temporaryFolder(), "merged");
    const { errors, code } = await coxswainMerge("--adapter", adapter, "--output", folder);
    expect(code).toBe(2);
    expect(errors).toContain(`${adapter} does not name its base model`);
    expect(errors).toContain("(--model)");
    expect(existsSync(folder)).toBe(false);
  });

  it("names the adapter whose base model has moved, and suggests a folder with a similar name", async () => {
    const folder = temporaryFolder();
    const moved = join(folder, "adapter");
    cpSync(adapter, moved, { recursive: true });
    cpSync(golden("llama/model"), join(folder, "base-1"), { recursive: true });
    const config = join(moved, "adapter_config.json");
    const settings = JSON.parse(readFileSync(config, "utf8")) as object;
    writeFileSync(config, JSON.stringify({ ...settings, base_model_name_or_path: join(folder, "base") }));
    const { errors, code } = await coxswainMerge("--adapter", moved, "--output", join(folder, "merged"));
    expect(code).toBe(4);
    expect(errors).toContain(`(the base model that ${moved} names)`);
    expect(errors).toContain(`Did you mean ${join(folder, "base-1")}?`);
    expect(errors).toContain("with --model");
  });

  it("exits with the code of a missing model", async () => {
    const { errors, code } = await coxswainMerge(
      "--model",
      "/no/such/model",
      "--adapter",
      adapter,
      "--output",
      join(temporaryFolder(), "x"),
    );
    expect(code).toBe(4);
    expect(errors).toContain("/no/such/model: no such folder");
  });
});
