/** What a user loses if these fail: what is only for their machine is told to the network. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runSchema } from "../../../../src/config/index.js";
import { openLiveRecord, runMetrics, RunTelemetry } from "../../../../src/coordinator/record/telemetry.js";
import type { RunControl } from "../../../../src/control/index.js";
import type { Snapshot } from "../../../../src/live-page/messages.js";
import { openRunFiles } from "../../../../src/telemetry/index.js";
import { runStatus } from "../../../support/live-run.js";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "coxswain-telemetry-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const configWith = (http: string | null) =>
  runSchema.parse({
    model: "/models/tiny",
    output_dir: join(folder, "assistant"),
    data: { train: "train.jsonl" },
    cluster: { min_workers: 3 },
    training: { save_steps: 7 },
    telemetry: { http },
  });

const control = {
  status: () => runStatus({ state: "waiting", detail: "waiting for /secret" }),
  watch: () => () => undefined,
} as unknown as RunControl;

/** What a page is told of a run that serves there. */
async function told(http: string): Promise<{ snapshot: Snapshot; metrics: string }> {
  const config = configWith(http);
  const files = openRunFiles(config.output_dir);
  files.appendEvent({ time: "2026-01-01T00:00:00.000Z", event: "worker_left", worker: "a", reason: "a secret" });
  const record = openLiveRecord(config);
  const metrics = runMetrics(config);
  const served = await RunTelemetry.open(config, http, metrics);
  served.begin({ record: record!, control, ready: () => true, now: () => 0 });
  try {
    const address = `127.0.0.1:${served.address.split(":").at(-1)!}`;
    const read = async (path: string) => (await fetch(`http://${address}${path}`)).text();
    return { snapshot: JSON.parse(await read("/live.json")) as Snapshot, metrics: await read("/metrics") };
  } finally {
    await served.close();
    files.close();
  }
}

describe("a coordinator's HTTP server", () => {
  it("shows everything if it listens on loopback", async () => {
    const { snapshot } = await told("127.0.0.1:0");
    expect(snapshot.status).toMatchObject({ run: "assistant", model: "tiny", detail: "waiting for /secret" });
    expect(snapshot.events[0]!.details).toEqual({ worker: "a", reason: "a secret" });
  });

  it("shows the network neither reasons nor paths", async () => {
    const { snapshot } = await told("0.0.0.0:0");
    expect(snapshot.status).toMatchObject({ run: "assistant", model: "tiny", detail: null });
    expect(snapshot.events[0]!.details).toEqual({ worker: "a" });
    expect(JSON.stringify(snapshot)).not.toContain("secret");
  });

  it("exports the values that alerts use, and the run's name without its path", async () => {
    const { metrics } = await told("127.0.0.1:0");
    expect(metrics).toContain('coxswain_run_info{run="assistant",model="tiny",role="coordinator",worker=""} 1');
    expect(metrics).toContain("coxswain_workers_required 3");
    expect(metrics).toContain("coxswain_checkpoint_interval_steps 7");
    expect(metrics).not.toContain(folder);
  });

  it("is absent if telemetry.http is null, and then keeps no data", () => {
    const config = configWith(null);
    expect(openLiveRecord(config)).toBeUndefined();
  });

  it("answers from the start, and reports that it is not ready", async () => {
    const config = configWith("127.0.0.1:0");
    const served = await RunTelemetry.open(config, "127.0.0.1:0", runMetrics(config));
    try {
      const status = async (path: string) => {
        const response = await fetch(`http://${served.address}${path}`);
        return response.status;
      };
      expect([await status("/healthz"), await status("/readyz"), await status("/")]).toEqual([200, 503, 404]);
    } finally {
      await served.close();
    }
  });
});
