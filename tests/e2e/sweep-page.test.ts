/**
 * The page of a sweep in a real browser. What a user loses if this fails: which settings are best, seen while the sweep
 * goes on, at a desk or on a phone.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TrialStatus } from "../../src/sweep/index.js";
import { openPage, screenshot, untilState, type OpenedPage, type Screen } from "../support/browser-page.js";
import { haveChromium, needsChromium, startChromium } from "../support/chromium.js";
import { LiveSweep, trialStatus } from "../support/live-sweep.js";
import { CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartData, quickstartModel, smallEvaluationSet } from "../support/runs.js";

describe.skipIf(!haveChromium)(`the page of a sweep in Chromium (${needsChromium})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());

  const open = (address: string, screen?: Screen, colorScheme?: "light" | "dark"): Promise<OpenedPage> =>
    openPage(browser, address, screen, colorScheme);

  const trialsOf = (page: Page): Promise<string[]> => page.locator("#trials th").allInnerTexts();

  it("follows a real sweep to its end, with requests to its own origin only", async () => {
    const folder = temporaryFolder();
    writeRun(folder, {
      model: quickstartModel,
      output_dir: "out",
      workers: 2,
      data: { train: join(quickstartData, "train.jsonl"), eval: smallEvaluationSet(folder), max_length: 128 },
      training: { max_steps: 8, global_batch_size: 4, micro_batch_size: 2 },
      compute: { threads: 1 },
      cluster: { listen: "127.0.0.1:0" },
      telemetry: { http: "127.0.0.1:0" },
    });
    const file = join(folder, "sweep.yaml");
    writeFileSync(
      file,
      "run: run.yaml\nparameters:\n  training.learning_rate: [1.0e-5, 3.0e-3]\n  lora.r: [4, 8]\nhalving: {eta: 2}\n",
    );
    const sweep = new CoxswainProcess(["sweep", file]);
    const [, telemetry] = await sweep.until(/live page on http:\/\/(\S+)\/\n/);
    const { page, requests, complaints } = await open(telemetry!);
    await page.locator("#trials [data-state=training]").first().waitFor({ timeout: 120_000 });
    await page
      .locator("#loss-chart .u-value")
      .filter({ hasText: /\d\.\d/ })
      .first()
      .waitFor({ timeout: 120_000 });
    // Its trials are not served one by one.
    const metrics = await (await fetch(`http://${telemetry!}/metrics`)).text();
    expect(metrics).toMatch(/^coxswain_sweep_trials\{state="training"\} [12]$/m);
    expect(metrics).toMatch(/^coxswain_sweep_workers [012]$/m);
    expect(metrics).not.toContain("coxswain_step ");
    expect((await fetch(`http://${telemetry!}/healthz`)).status).toBe(200);
    await untilState(page, "completed", 180_000);
    const { code, stdout } = await sweep.finished;
    expect(code).toBe(0);
    const [, best, value] = /best +trial (\d), eval_loss ([\d.]+)/.exec(stdout)!;
    expect(await page.locator("#best").innerText()).toBe(best);
    expect(Number(await page.locator("#value").innerText())).toBeCloseTo(Number(value), 2);
    expect(await page.locator("#trials tr.best th").innerText()).toBe(`${best!} ★ best`);
    expect(await page.locator("#trials [data-state=pruned]").count()).toBe(3);
    // The sweep is gone: the page keeps what it knew, and asks no more.
    expect(await page.locator("#connection").innerText()).toBe("the sweep is over");
    await screenshot(page, "real-sweep");
    expect(new Set(requests.map((url) => new URL(url).host))).toEqual(new Set([telemetry]));
    expect(complaints).toEqual([]);
    await page.close();
  });

  const hostile = '<img src=x onerror="alert(1)">';

  function busySweep(): LiveSweep {
    const trials = Array.from({ length: 14 }, (_, trial): TrialStatus => {
      const settings = {
        "training.learning_rate": Number((0.0001 * 1.5 ** trial).toPrecision(3)),
        "lora.r": [4, 8, 16][trial % 3],
        "lora.target_modules": trial === 13 ? hostile : ["q_proj", "v_proj"],
      };
      const value = 0.4 + Math.abs(trial - 6) / 10;
      const done = { rung: 0, step: 100, total_steps: 400, value };
      if (trial === 13) return trialStatus(trial, { settings, state: "failed", reason: hostile });
      if (trial === 12) return trialStatus(trial, { settings, state: "diverged", ...done, value: null });
      if (trial > 9) return trialStatus(trial, { settings });
      if (trial > 3)
        return trialStatus(trial, { settings, state: "training", step: 60, total_steps: 400, loss: value });
      return trialStatus(trial, { settings, state: "paused", ...done });
    });
    const sweep = new LiveSweep(trials, {
      past: (trial) =>
        Promise.resolve(
          Array.from({ length: trial > 3 ? 60 : 100 }, (_, index) => ({
            step: index + 1,
            value: 0.3 + trial / 10 + 3 * Math.exp(-index / (8 + 2 * trial)) + (((index * 7919) % 101) / 101) * 0.1,
          })),
        ),
    });
    sweep.record.snapshot();
    return sweep;
  }

  it.each([
    ["desktop", "light"],
    ["desktop", "dark"],
    ["phone", "light"],
    ["phone", "dark"],
  ] as const)("fits on a %s in a %s scheme, with its curves drawn", async (screen, scheme) => {
    const sweep = busySweep();
    const { page, complaints } = await open(await sweep.serve(), screen, scheme);
    await untilState(page, "training", 180_000);
    await page.locator("#loss-chart tr.u-series:not(.raw)").nth(10).waitFor();
    await screenshot(page, `sweep-${screen}-${scheme}`);
    // Text, since the browser evaluates it: this program has no document.
    const [overflow, isDrawn] = await page.evaluate<[number, boolean]>(`(() => {
      const root = document.documentElement;
      const canvas = document.querySelector("canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return [root.scrollWidth - root.clientWidth, data.some((value) => value !== 0)];
    })()`);
    expect(overflow).toBe(0);
    expect(isDrawn).toBe(true);
    expect(complaints).toEqual([]);
    await page.close();
    await sweep.close();
  });

  it("is sorted by keyboard, and shows settings and reasons that look like HTML as text", async () => {
    const sweep = busySweep();
    const { page, complaints } = await open(await sweep.serve());
    await untilState(page, "training", 180_000);
    expect((await trialsOf(page)).slice(0, 3)).toEqual(["0", "1", "2"]);
    const byLoss = page.getByRole("button", { name: "Evaluation loss" });
    await byLoss.focus();
    await page.keyboard.press("Enter");
    expect((await trialsOf(page)).slice(0, 3)).toEqual(["3 ★ leads", "2", "1"]);
    expect(await page.locator("[aria-sort]").innerText()).toContain("Evaluation loss");
    // The order and the focus stay when something changes.
    sweep.change({
      trials: sweep.status.trials.map((trial) =>
        trial.trial === 9 ? { ...trial, rung: 0, value: 0.01, state: "paused" } : trial,
      ),
    });
    await page.locator("#trials tr.best th").filter({ hasText: "9" }).waitFor();
    expect((await trialsOf(page)).slice(0, 2)).toEqual(["9 ★ leads", "3"]);
    await page.keyboard.press("Enter");
    expect((await trialsOf(page))[0]).toBe("0");
    expect(await page.locator("#trials small").innerText()).toBe(hostile);
    expect(await page.locator("body img").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
    await sweep.close();
  });
});
