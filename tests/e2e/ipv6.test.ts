/** A cluster over IPv6: every address is read and printed as one, and gradients are pulled as over IPv4. */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { eventLines, smallRun } from "../support/runs.js";

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));

describe.skipIf(!hasIPv6)(`a cluster over IPv6${hasIPv6 ? "" : " (skipped: this machine has no ::1)"}`, () => {
  it.each(["[::1]:0", "[::]:0"])("trains, serves its page and answers status at %s", async (listen) => {
    const folder = temporaryFolder();
    const run = smallRun({
      training: { max_steps: 3, global_batch_size: 12, micro_batch_size: 2 },
      cluster: { min_workers: 2, all_reduce: "mesh" },
    });
    const file = writeRun(folder, run);
    const flags = ["--listen", listen, "--set", "telemetry.http=[::1]:0", "--insecure"];
    const process = new CoxswainProcess(["coordinator", file, ...flags]);
    const [, port = "", page = ""] = await process.until(/listening on \[::1?\]:(\d+), .* live page on (http:\S+)/);
    expect((await fetch(page)).status).toBe(200);
    const address = `[::1]:${port}`;
    const lock = readFileSync(join(folder, "out", ".lock"), "utf8");
    expect(lock).toContain(`${listen.replace(/:0$/, "")}:${port}`);
    for (const named of [["--coordinator", address], [join(folder, "out")]])
      expect(await coxswain(["status", ...named])).toMatchObject({ code: 0, stderr: "" });
    const worker = ["worker", "--coordinator", address, "--http", "[::1]:0"];
    const workers = await Promise.all([
      coxswain([...worker, "--advertise", "::1", "--listen", "[::]:0"]),
      coxswain(worker),
    ]);
    expect(workers.map(({ code }) => code)).toEqual([0, 0]);
    expect((await process.finished).code).toBe(0);
    const events = eventLines(join(folder, "out")).map(({ event }) => event);
    expect(events).not.toContain("worker_unreachable");
    expect(events).not.toContain("mesh_failed");
  });
});
