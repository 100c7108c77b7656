/** What holders of the token could take of the coordinator's memory, under as many ids as they like. */
import { describe, expect, it } from "vitest";
import { elsewhere } from "../support/hostile.js";
import { AttackedRun, expectUnharmed, token } from "../support/security/attacked-run.js";
import { IdleMember, unreadPulls } from "../support/security/attacks.js";

const service = "/coxswain.v1.Coordinator/";
const replica = { path: `${service}PullReplica`, body: Buffer.alloc(0) };
const file = (name: string) => ({
  path: `${service}PullModelFile`,
  body: Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)]),
});

// With 50 members, 3,000 calls in one instant delay /healthz: 0.7 s at the 99th percentile (docs/not-yet.md).
describe("12 members with 60 unread pulls each", () => {
  it("take little memory, and leave probes, steps, workers and the adapter as they are", async () => {
    const run = await AttackedRun.start();
    const members = Array.from({ length: 12 }, (_, index) => new IdleMember(run.port, token, `idle-${index}`));
    const headers = await Promise.all(members.map((member) => member.headers()));
    const calls = Array.from({ length: 60 }, (_, index) => (index < 56 ? replica : file("model.safetensors")));
    const figures = await run.under((signal) =>
      Promise.all(headers.map((each) => unreadPulls({ port: run.port, from: elsewhere }, each, calls, signal))),
    );
    expectUnharmed(figures);
    expect(await run.metric("coxswain_turned_away_total", 'reason="unread"')).toBeGreaterThanOrEqual(0);
    for (const member of members) member.close();
    expect(await run.endsWithTheSameBits()).toBe(true);
  });
});

describe("512 workers behind one address", () => {
  it("are all welcomed within 30 s", async () => {
    const run = await AttackedRun.start({ workers: 1 });
    const start = performance.now();
    const members = Array.from({ length: 512 }, (_, index) => new IdleMember(run.port, token, `herd-${index}`));
    await Promise.all(members.map(({ welcomed }) => welcomed));
    expect(performance.now() - start).toBeLessThan(30_000);
    expect(run.dropped).toBe(0);
    for (const member of members) member.close();
    expect(await run.endsWithTheSameBits()).toBe(true);
  });
});
