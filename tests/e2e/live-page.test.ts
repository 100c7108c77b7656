/**
 * The live page in a real browser. What a user loses if this fails: the run on a screen, at a desk or on a phone, without
 * anything from the Internet, and without anything in a run's names that could act in their browser.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../src/chaos/ports.js";
import { openPage, screenshot, untilState, type OpenedPage, type Screen } from "../support/browser-page.js";
import { haveChromium, needsChromium, startChromium } from "../support/chromium.js";
import { LiveRun, runStatus, stepLine, workerStatus } from "../support/live-run.js";
import { CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { quickstartData, quickstartModel, smallEvaluationSet, stepLines } from "../support/runs.js";

describe.skipIf(!haveChromium)(`the live page in Chromium (${needsChromium})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser.close());

  const open = (address: string, screen?: Screen, colorScheme?: "light" | "dark"): Promise<OpenedPage> =>
    openPage(browser, address, screen, colorScheme);

  const textOf = (page: Page, id: string): Promise<string> => page.locator(`#${id}`).innerText();

  it("follows a real run to its end, with requests to its own origin only", async () => {
    const folder = temporaryFolder();
    const telemetry = `127.0.0.1:${await freePort(["127.0.0.1"])}`;
    const steps = 16;
    const file = writeRun(folder, {
      model: quickstartModel,
      output_dir: "out",
      workers: 2,
      data: { train: join(quickstartData, "train.jsonl"), eval: smallEvaluationSet(folder), max_length: 128 },
      training: { max_steps: steps, global_batch_size: 8, micro_batch_size: 2, eval_steps: 8, save_steps: 8 },
      compute: { threads: 1 },
      cluster: { listen: "127.0.0.1:0" },
      telemetry: { http: telemetry },
    });
    const run = new CoxswainProcess(["train", file]);
    expect((await run.until(/live page on http:\/\/(\S+)\/\n/))[1]).toBe(telemetry);
    const { page, requests, complaints } = await open(telemetry);
    await page.locator("#workers tr").nth(1).waitFor();
    await page
      .locator("#progress-text")
      .filter({ hasText: /step [1-9]/ })
      .waitFor();
    const seen = await textOf(page, "progress-text");
    // No reload: the same document goes on.
    await page.evaluate(`document.documentElement.dataset.kept = "yes"`);
    await page.locator("#progress-text").filter({ hasNotText: seen }).waitFor();
    await untilState(page, "completed");
    expect((await run.finished).code).toBe(0);

    expect(await page.evaluate(`document.documentElement.dataset.kept`)).toBe("yes");
    const lines = stepLines(join(folder, "out"));
    expect(await textOf(page, "progress-text")).toContain(`step ${steps} of ${steps}`);
    expect(Number(await textOf(page, "loss"))).toBeCloseTo(lines.at(-1)!.loss, 3);
    expect(Number((await textOf(page, "grad-norm")).replace(",", ""))).toBeCloseTo(lines.at(-1)!.grad_norm, 2);
    expect(await textOf(page, "checkpoint")).toBe(String(steps));
    expect(await textOf(page, "eval-loss")).toMatch(/^\d/);
    expect(await page.locator("#events li").count()).toBeGreaterThan(5);
    expect(await page.locator('#events li[data-event="run_finished"]').count()).toBe(1);
    // The coordinator is gone: the page keeps what it knew, and asks no more.
    expect(await textOf(page, "connection")).toBe("the run is over");
    await screenshot(page, "real-run");
    expect(new Set(requests.map((url) => new URL(url).host))).toEqual(new Set([telemetry]));
    expect(complaints).toEqual([]);
    await page.close();
  });

  interface Drawn {
    /** Pixels beyond the screen's width. */
    readonly overflow: number;
    /** Whether each is not empty. */
    readonly charts: readonly boolean[];
    /** The page's: "rgb(…)". */
    readonly colour: string;
  }

  const hostile = '<img src=x onerror="alert(1)">';
  const script = "<script>alert(2)</script>";

  function busyRun(names: { run?: string; model?: string; worker?: string } = {}): LiveRun {
    const run = new LiveRun({
      run: names.run ?? "smollm2-assistant",
      model: names.model ?? "HuggingFaceTB/SmolLM2-135M-Instruct",
      status: runStatus({
        state: "training",
        step: 1240,
        total_steps: 2000,
        epoch: 1.86,
        seconds_per_step: 4.2,
        seconds_left: 3192,
        checkpoint: { step: 1200, path: "p", time: "2026-01-01T00:00:00.000Z" },
        workers: [
          workerStatus(names.worker ?? "gpu-node-1-4711-a1b2c3", { tokens_per_second: 3120 }),
          workerStatus("gpu-node-2-812-0f9e8d", { tokens_per_second: 2980 }),
          workerStatus("gpu-node-3-99-77aa10", { tokens_per_second: 810, late: true }),
          workerStatus("gpu-node-4-1-ffee00", { state: "loading", tokens_per_second: null, device: null }),
        ],
      }),
    });
    for (let step = 1; step <= 1240; step++) {
      // Noise that is the same each time.
      const wave = ((step * 7919) % 1009) / 1009 - 0.5;
      run.record.step(
        stepLine(step, {
          loss: 0.8 + 2.2 * Math.exp(-step / 250) + 0.12 * wave,
          grad_norm: 0.6 + 3 * Math.exp(-step / 60) + 0.2 * wave,
          learning_rate: step < 100 ? (2e-4 * step) / 100 : 1e-4 * (1 + Math.cos((Math.PI * (step - 100)) / 1900)),
          tokens_per_second: 6900 + 300 * wave,
        }),
      );
      if (step % 200 === 0) run.record.evaluation({ step, eval_loss: 0.95 + 2.1 * Math.exp(-step / 250) });
    }
    const time = (minute: number): string => `2026-01-01T10:${String(minute).padStart(2, "0")}:07.000Z`;
    const worker = names.worker ?? "gpu-node-1-4711-a1b2c3";
    run.record.event({ time: time(0), event: "worker_joined", worker, host: "gpu-node-1", pid: 4711 });
    run.record.event({ time: time(2), event: "evaluation_finished", step: 1000, eval_loss: 1.0124 });
    run.record.event({ time: time(3), event: "lease_expired", worker, shards: 2, reason: "no progress" });
    run.record.event({
      time: time(4),
      event: "checkpoint_saved",
      step: 1200,
      seconds: 0.41,
      path: "checkpoints/step-001200",
    });
    run.record.event({
      time: time(5),
      event: "worker_left",
      worker: "gpu-node-9",
      reason: names.worker ?? "its connection broke",
    });
    return run;
  }

  it.each([
    ["desktop", "light"],
    ["desktop", "dark"],
    ["phone", "light"],
    ["phone", "dark"],
  ] as const)("fits on a %s in a %s scheme, with every chart drawn", async (screen, scheme) => {
    const run = busyRun();
    const { page, complaints } = await open(await run.serve(), screen, scheme);
    await untilState(page, "training");
    await screenshot(page, `${screen}-${scheme}`);
    // Text, since the browser evaluates it: this program has no document.
    const drawn = await page.evaluate<Drawn>(`(() => {
      const root = document.documentElement;
      const isDrawn = (canvas) =>
        canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0);
      return {
        overflow: root.scrollWidth - root.clientWidth,
        charts: [...document.querySelectorAll("canvas")].map(isDrawn),
        colour: getComputedStyle(document.body).backgroundColor,
      };
    })()`);
    expect(drawn.overflow).toBe(0);
    expect(drawn.charts).toEqual([true, true, true, true]);
    const [red] = /\d+/.exec(drawn.colour)!;
    expect(Number(red) < 128).toBe(scheme === "dark");
    expect(complaints).toEqual([]);
    await page.close();
    await run.close();
  });

  it("draws earlier runs behind this one, and hides them again by keyboard", async () => {
    const run = busyRun();
    const curve = Array.from({ length: 100 }, (_, index) => [index * 12 + 1, 3 - index / 50] as const);
    run.record.earlier([
      { name: "lr-2e-4", training: curve, evaluation: [[600, 2.5]] },
      { name: hostile, training: curve.map(([step, loss]) => [step, loss + 0.5]), evaluation: [] },
    ]);
    const { page, complaints } = await open(await run.serve(), "phone");
    await untilState(page, "training");
    const entries = page.locator("#loss-chart .u-legend .behind .u-label");
    expect(await entries.allInnerTexts()).toEqual(["lr-2e-4", hostile]);
    await screenshot(page, "earlier-runs");
    // One of them in the legend, then all of them.
    await entries.first().focus();
    await page.keyboard.press("Enter");
    expect(await entries.first().getAttribute("aria-pressed")).toBe("false");
    expect(await page.locator("#loss-chart tr.unlisted.u-off").count()).toBe(1);
    await page.getByLabel("Earlier runs").focus();
    await page.keyboard.press("Space");
    expect(await entries.count()).toBe(0);
    expect(await page.locator("body img").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
    await run.close();
  });

  it("shows names that look like HTML as text", async () => {
    const run = busyRun({ run: hostile, model: script, worker: `${hostile}${script}` });
    const { page, requests, complaints } = await open(await run.serve());
    await untilState(page, "training");
    run.record.event({ time: new Date().toISOString(), event: "worker_left", worker: script, reason: hostile });
    run.change({ state: "waiting", detail: hostile });
    await untilState(page, "waiting");
    expect(await textOf(page, "run")).toBe(hostile);
    expect(await textOf(page, "model")).toBe(script);
    expect(await textOf(page, "detail")).toBe(hostile);
    expect(await page.locator("#workers td").first().innerText()).toBe(`${hostile}${script}`);
    expect(await page.locator("#events li").first().innerText()).toContain(hostile);
    expect(await page.locator("body img").count()).toBe(0);
    expect(await page.locator("body script").count()).toBe(1);
    expect(requests.filter((url) => new URL(url).pathname === "/x")).toEqual([]);
    expect(complaints).toEqual([]);
    await page.close();
    await run.close();
  });

  it("shows a run whose model and folder have names that look like HTML", async () => {
    const folder = temporaryFolder();
    const model = join(folder, "<b>model");
    cpSync(quickstartModel, model, { recursive: true });
    const telemetry = `127.0.0.1:${await freePort(["127.0.0.1"])}`;
    const file = writeRun(folder, {
      model,
      output_dir: "<i>run",
      workers: 0,
      data: { train: join(quickstartData, "train.jsonl"), max_length: 128 },
      training: { max_steps: 1 },
      cluster: { listen: "127.0.0.1:0" },
      telemetry: { http: telemetry },
    });
    const coordinator = new CoxswainProcess(["train", file]);
    await coordinator.until(/live page on /);
    const { page, complaints } = await open(telemetry);
    await untilState(page, "waiting");
    expect([await textOf(page, "run"), await textOf(page, "model")]).toEqual(["<i>run", "<b>model"]);
    expect(await textOf(page, "detail")).toContain("waiting for workers");
    expect(complaints).toEqual([]);
    // What it shows then is old, and it says so.
    coordinator.killAll();
    await page.locator("body.stale").waitFor();
    expect(await textOf(page, "connection")).toMatch(/^disconnected; last update at \d\d:\d\d:\d\d$/);
    await page.close();
  });
});
