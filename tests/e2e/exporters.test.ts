/** Without this, curves in TensorBoard or another tool are wrong after a restart, or a broken command stops training. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { coxswain, CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { eventLines, smallRun, stepLines } from "../support/runs.js";
import { readEventFile } from "../support/event-file.js";

const troubles = (output: string): string[] =>
  eventLines(output)
    .filter(({ event }) => event === "exporter_failed")
    .map(({ reason }) => String(reason));

describe("the command of telemetry.exec", () => {
  it("gets every line of metrics.jsonl, knows the run but not its secrets, and may finish after the last line", async () => {
    const folder = temporaryFolder();
    const script = join(folder, "log.sh");
    writeFileSync(script, 'cat > "$1/lines"\nenv > "$1/environment"\necho finished\n');
    const data = { eval: join(import.meta.dirname, "../golden/llama/train.jsonl") };
    const telemetry = { exec: ["sh", script, folder] };
    const file = writeRun(folder, smallRun({ telemetry, data, training: { max_steps: 3, eval_steps: 2 } }));
    const { code } = await coxswain(["train", file], { env: { COXSWAIN_TOKEN: "secret" } });
    expect(code).toBe(0);
    const output = join(folder, "out");
    expect(readFileSync(join(folder, "lines"), "utf8")).toBe(readFileSync(join(output, "metrics.jsonl"), "utf8"));
    const environment = readFileSync(join(folder, "environment"), "utf8");
    expect(environment).toMatch(/^COXSWAIN_RUN=out$/m);
    expect(environment).toMatch(/^COXSWAIN_START_STEP=0$/m);
    expect(environment).not.toContain("secret");
    expect(readFileSync(join(output, "logs", "exec.log"), "utf8")).toBe("finished\n");
    expect(troubles(output)).toEqual([]);
  });

  it("is started again if it fails, which is said once, and the run is completed", async () => {
    const folder = temporaryFolder();
    const exec = `echo started >> ${folder}/starts; head -n 1 >> ${folder}/lines; exit 3`;
    const file = writeRun(folder, smallRun({ telemetry: { exec }, training: { max_steps: 12 } }));
    const { code, stdout, stderr } = await coxswain(["train", file]);
    expect(code).toBe(0);
    const [reason, ...others] = troubles(join(folder, "out"));
    expect(reason).toContain("it ended with exit code 3");
    expect(others).toEqual([]);
    expect(`${stdout}${stderr}`).toMatch(
      /warning: telemetry\.exec: it ended with exit code 3.*training is not affected/,
    );
  });

  it.each([
    ["coxswain-no-such-program", /not found/],
    [["coxswain-no-such-program", "x"], /coxswain-no-such-program was not found/],
    ["true", /it ended \(exit code 0\) before the run did/],
    ["exec <&-; sleep 0", /it ended \(exit code 0\)/],
  ])("%j does not stop the run", async (exec, reason) => {
    const folder = temporaryFolder();
    const file = writeRun(folder, smallRun({ telemetry: { exec }, training: { max_steps: 4 } }));
    expect((await coxswain(["train", file])).code).toBe(0);
    expect(troubles(join(folder, "out")).join()).toMatch(reason);
    expect(existsSync(join(folder, "out", "adapter"))).toBe(true);
  });
});

describe("telemetry.tensorboard", () => {
  it("continues after a coordinator was killed, and TensorBoard forgets the steps that are trained again", async () => {
    const folder = temporaryFolder();
    const training = { max_steps: 30, save_steps: 4 };
    const file = writeRun(folder, smallRun({ telemetry: { tensorboard: true }, training }));
    const killed = new CoxswainProcess(["train", file]);
    await killed.until(/step +1?[6-9]/);
    killed.killAll();
    await killed.finished;
    expect((await coxswain(["train", file, "--resume"])).code).toBe(0);
    const output = join(folder, "out");
    const files = readdirSync(join(output, "tensorboard")).sort();
    expect(files).toHaveLength(2);
    const losses = new Map<number, number>();
    for (const name of files)
      for (const { step, isRestart, scalars } of readEventFile(join(output, "tensorboard", name))) {
        if (isRestart) for (const at of losses.keys()) if (at >= step) losses.delete(at);
        const loss = scalars.get("train/loss");
        if (loss === undefined) continue;
        expect(losses.has(step), `step ${step} twice`).toBe(false);
        losses.set(step, loss);
      }
    const recorded = stepLines(output);
    expect(recorded).toHaveLength(30);
    expect([...losses]).toEqual(recorded.map(({ step, loss }) => [step, Math.fround(loss)]));
  });
});
