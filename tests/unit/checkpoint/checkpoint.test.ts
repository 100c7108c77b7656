import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  newestCheckpoint,
  pruneCheckpoints,
  readCheckpoint,
  writeCheckpoint,
  type Checkpoint,
} from "../../../src/coordinator/checkpoints/index.js";
import { stepNumber } from "../../../src/ids.js";
import { flattenAdapter, loraLayout, readAdapter } from "../../../src/model/index.js";
import { expectTrouble, fullDisk, temporaryFolder } from "../model/helpers.js";

const settings = { r: 2, alpha: 4, dropout: 0, targetModules: "all-linear", useRslora: false } as const;
const layout = loraLayout(settings, [
  { path: "model.layers.0.self_attn.q_proj", inFeatures: 3, outFeatures: 2 },
  { path: "model.layers.0.mlp.up_proj", inFeatures: 3, outFeatures: 4 },
]);

/** Every bit pattern that a careless copy would change: NaN with a payload, -0, subnormals, infinities. */
function awkwardFloats(seed: number): Float32Array {
  const bits = [0x7fc00001, 0x80000000, 0x00000001, 0xff800000, 0x7f7fffff, 0x3f800000 + seed];
  return new Float32Array(
    Uint32Array.from({ length: layout.size }, (_, index) => bits[index % bits.length]! + (index > 5 ? index : 0))
      .buffer,
  );
}

const checkpointAt = (step: number, patch: Partial<Checkpoint> = {}): Checkpoint => ({
  state: {
    step: stepNumber(step),
    parameters: awkwardFloats(step),
    m: awkwardFloats(step + 1),
    v: awkwardFloats(step + 2),
  },
  progress: {
    epoch: 0.5,
    data_fingerprint: "data",
    config_digest: "config",
    model_hash: "model",
    tokens: { all: 1234, supervised: 567 },
  },
  layout,
  settings,
  baseModel: "some/base",
  quantization: null,
  ...patch,
});

const bitsOf = (floats: Float32Array): number[] => [
  ...new Uint32Array(floats.buffer, floats.byteOffset, floats.length),
];
const namesIn = (output: string): string[] => readdirSync(join(output, "checkpoints")).sort();

async function runWith(...steps: number[]): Promise<string> {
  const output = temporaryFolder();
  for (const step of steps) await writeCheckpoint(output, checkpointAt(step));
  return output;
}

describe("a checkpoint restores a run's bits", () => {
  it("restores parameters, both moments, step and metadata", async () => {
    const output = await runWith(100);
    const path = await newestCheckpoint(output);
    expect(path).toBe(join(output, "checkpoints", "step-000100"));
    const { state, trainer } = await readCheckpoint(path!, layout);
    const written = checkpointAt(100);
    expect(state.step).toBe(100);
    for (const part of ["parameters", "m", "v"] as const)
      expect(bitsOf(state[part])).toEqual(bitsOf(written.state[part]));
    expect(trainer).toMatchObject({ version: 1, step: 100, ...written.progress });
    expect(trainer.state_hash).toMatch(/^[0-9a-f]{24}$/);
  });

  it("contains an adapter that PEFT can load", async () => {
    const output = await runWith(7);
    const path = join(output, "checkpoints", "step-000007");
    expect(readdirSync(path).sort()).toEqual([
      "README.md",
      "adapter_config.json",
      "adapter_model.safetensors",
      "optimizer.safetensors",
      "trainer_state.json",
    ]);
    expect(bitsOf(flattenAdapter(await readAdapter(path), layout))).toEqual(bitsOf(awkwardFloats(7)));
    const optimizer = readFileSync(join(path, "optimizer.safetensors"), "latin1");
    expect(optimizer).toContain(
      '"base_model.model.model.layers.0.mlp.up_proj.lora_B.weight.exp_avg_sq":{"dtype":"F32","shape":[4,2]',
    );
  });

  it("supports steps beyond a million", async () => {
    const output = await runWith(999_999, 1_000_000);
    expect(await newestCheckpoint(output)).toBe(join(output, "checkpoints", "step-1000000"));
  });

  it("is rejected with another layout or changed bits", async () => {
    const output = await runWith(1);
    const path = join(output, "checkpoints", "step-000001");
    const other = loraLayout({ ...settings, r: 4 }, [
      { path: "model.layers.0.self_attn.q_proj", inFeatures: 3, outFeatures: 2 },
    ]);
    expect((await expectTrouble(readCheckpoint(path, other), "model")).message).toContain(
      `lora.r is 4 but the adapter ${path} has r 2`,
    );
    const trouble = await expectTrouble(readCheckpoint(path, layout, { hashOf: () => "other" }), "storage");
    expect(trouble.message).toMatch(/its state has the fingerprint other, expected [0-9a-f]{24}$/);
  });

  it("is absent before the first is written", async () => {
    expect(await newestCheckpoint(temporaryFolder())).toBeUndefined();
  });
});

describe("a damaged checkpoint is skipped with a reason", () => {
  const damages: [string, (path: string) => void, RegExp][] = [
    [
      "a flipped bit",
      (path) => flipBit(join(path, "optimizer.safetensors")),
      /optimizer\.safetensors: its content has changed/,
    ],
    [
      "a cut file",
      (path) => truncateSync(join(path, "adapter_model.safetensors"), 50),
      /adapter_model\.safetensors: expected \d+ bytes, found 50/,
    ],
    ["a missing file", (path) => rmSync(join(path, "adapter_config.json")), /adapter_config\.json: no such file/],
    ["no trainer_state.json", (path) => rmSync(join(path, "trainer_state.json")), /trainer_state\.json: no such file/],
    [
      "half a trainer_state.json",
      (path) => truncateSync(join(path, "trainer_state.json"), 40),
      /trainer_state\.json: not JSON/,
    ],
    [
      "an empty trainer_state.json",
      (path) => truncateSync(join(path, "trainer_state.json"), 0),
      /trainer_state\.json: not JSON/,
    ],
    ["another version's", (path) => editTrainer(path, { version: 2 }), /trainer_state\.json: version/],
    ["another step's", (path) => editTrainer(path, { step: 3 }), /trainer_state\.json: is of step 3/],
    ["one that lists no optimizer", (path) => editTrainer(path, { files: {} }), /lists no adapter_model\.safetensors/],
  ];
  const flipBit = (path: string): void => {
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(path, bytes);
  };
  const editTrainer = (path: string, patch: Record<string, unknown>): void => {
    const file = join(path, "trainer_state.json");
    const state = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...state, ...patch }));
  };

  it.each(damages)("%s", async (_name, damage, reason) => {
    const output = await runWith(10, 20);
    const newest = join(output, "checkpoints", "step-000020");
    damage(newest);
    const skipped: string[] = [];
    expect(await newestCheckpoint(output, { onSkip: (text) => skipped.push(text) })).toBe(
      join(output, "checkpoints", "step-000010"),
    );
    expect(skipped).toHaveLength(1);
    expect(skipped[0]).toContain(`the checkpoint ${newest} is skipped: `);
    expect(skipped[0]).toMatch(reason);
    expect(existsSync(newest)).toBe(true);
  });

  it("ignores folders with other names", async () => {
    const output = await runWith(10);
    for (const name of ["step-20", "step-0000020", "step-000020.bak", "latest"]) {
      cpSync(join(output, "checkpoints", "step-000010"), join(output, "checkpoints", name), { recursive: true });
    }
    expect(await newestCheckpoint(output)).toBe(join(output, "checkpoints", "step-000010"));
  });
});

describe("a checkpoint is complete or absent", () => {
  it.each([0, 1])("keeps the old one and leaves nothing behind when the disk is full after %d files", async (after) => {
    const output = await runWith(10);
    await fullDisk(after);
    const trouble = await expectTrouble(writeCheckpoint(output, checkpointAt(20)), "storage");
    expect(trouble.message).toMatch(/checkpoints\/step-000020\/\w+\.safetensors: no space left on the disk$/);
    expect(trouble.hint).toContain("free some space");
    expect(namesIn(output)).toEqual(["step-000010"]);
    expect(await newestCheckpoint(output)).toBe(join(output, "checkpoints", "step-000010"));
  });

  it("ignores the leftovers of a killed writer, and removes them with the next write", async () => {
    const output = await runWith(10);
    const left = join(output, "checkpoints", ".step-000020.some-host.1.0123abcd.incoming");
    cpSync(join(output, "checkpoints", "step-000010"), left, { recursive: true });
    expect(await newestCheckpoint(output)).toBe(join(output, "checkpoints", "step-000010"));
    await writeCheckpoint(output, checkpointAt(30));
    expect(namesIn(output)).toEqual(["step-000010", "step-000030"]);
  });

  it("replaces a damaged one of the same step, and keeps a complete one of the same state", async () => {
    const output = await runWith(10);
    const path = join(output, "checkpoints", "step-000010");
    const { ino } = statSync(path);
    await writeCheckpoint(output, checkpointAt(10));
    expect(statSync(path).ino).toBe(ino);
    truncateSync(join(path, "optimizer.safetensors"), 10);
    await writeCheckpoint(output, checkpointAt(10));
    expect(await newestCheckpoint(output)).toBe(path);
    const other = checkpointAt(10, { state: { ...checkpointAt(11).state, step: stepNumber(10) } });
    await writeCheckpoint(output, other);
    expect(bitsOf((await readCheckpoint(path, layout)).state.m)).toEqual(bitsOf(other.state.m));
    expect(namesIn(output)).toEqual(["step-000010"]);
  });

  it("reports a file in place of the folder", async () => {
    const output = temporaryFolder();
    writeFileSync(join(output, "checkpoints"), "");
    expect((await expectTrouble(writeCheckpoint(output, checkpointAt(1)), "storage")).message).toContain("checkpoints");
  });
});

describe("save_total_limit keeps the newest", () => {
  it("removes the oldest beyond the limit", async () => {
    const output = await runWith(10, 20, 30, 40);
    expect(await pruneCheckpoints(output, 2)).toEqual(
      ["step-000010", "step-000020"].map((name) => join(output, "checkpoints", name)),
    );
    expect(namesIn(output)).toEqual(["step-000030", "step-000040"]);
  });

  it("keeps at least one, and all without a limit", async () => {
    const output = await runWith(10, 20);
    expect(await pruneCheckpoints(output, null)).toEqual([]);
    await pruneCheckpoints(output, 0);
    expect(namesIn(output)).toEqual(["step-000020"]);
    expect(await pruneCheckpoints(temporaryFolder(), 1)).toEqual([]);
  });

  it("neither counts nor removes a damaged one", async () => {
    const output = await runWith(10, 20, 30);
    rmSync(join(output, "checkpoints", "step-000030", "optimizer.safetensors"));
    await pruneCheckpoints(output, 1);
    expect(namesIn(output)).toEqual(["step-000020", "step-000030"]);
    expect(await newestCheckpoint(output)).toBe(join(output, "checkpoints", "step-000020"));
  });

  it("leaves complete ones when it is interrupted", async () => {
    const output = await runWith(10, 20, 30);
    // As after a crash between renaming and deleting.
    const aside = join(output, "checkpoints", ".pruned.some-host.1.0123abcd.incoming");
    cpSync(join(output, "checkpoints", "step-000010"), aside, { recursive: true });
    rmSync(join(output, "checkpoints", "step-000010"), { recursive: true });
    rmSync(join(aside, "optimizer.safetensors"));
    expect(await newestCheckpoint(output, { onSkip: (text) => expect.fail(text) })).toBe(
      join(output, "checkpoints", "step-000030"),
    );
    await writeCheckpoint(output, checkpointAt(40));
    expect(namesIn(output)).toEqual(["step-000020", "step-000030", "step-000040"]);
    mkdirSync(join(output, "checkpoints", "notes"));
    await pruneCheckpoints(output, 1);
    expect(namesIn(output)).toEqual(["notes", "step-000040"]);
  });
});
