/** A member that writes to the coordinator's terminal, logs, events and page what others are to believe. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { expect, it } from "vitest";
import { CoordinatorClient, protocolVersion, withToken } from "../../src/rpc/index.js";
import { version } from "../../src/version.js";
import { CoxswainProcess, temporaryFolder, writeRun } from "../support/processes.js";
import { eventLines, smallRun, stepLines } from "../support/runs.js";

const token = "0123456789abcdef";
const env = { COXSWAIN_TOKEN: token };
const forged = "step 100000/100000  loss 0.0000";
/** A new window title, a forged line in three ways, a reversed order of characters, and then a megabyte. */
const text = `\u001b]0;title\u0007\n${forged}\r\n${forged}\u2028${forged}\u202eabc\u009b2J${"x".repeat(900_000)}`;

/** Members that join and leave as fast as they can, with a reason each; every tenth reports an error instead. */
async function flood(port: number, most: number): Promise<void> {
  const client = new CoordinatorClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
    "grpc.max_send_message_length": -1,
  });
  let members = 0;
  const one = async (): Promise<void> => {
    while (members < most) {
      const call = client.attend(withToken(token));
      const closed = new Promise<void>((resolve) => {
        call.on("error", () => resolve()).on("end", () => resolve());
      });
      call.resume();
      const id = `member-${members++}`;
      call.write({ join: { protocolVersion, softwareVersion: version, workerId: id, host: "h", pid: 1 } });
      call.write(
        members % 10 === 0 ? { failed: { code: "model", message: text, hint: text } } : { leaving: { reason: text } },
      );
      call.end();
      await closed;
    }
  };
  await Promise.all(Array.from({ length: 4 }, one));
  client.close();
}

/** Text of a member, at most 500 characters of it in one line, without anything that a terminal acts on. */
function expectHarmless(shown: string, where: string): void {
  // eslint-disable-next-line no-control-regex -- They are what must not be there.
  expect(shown.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u202e]/g), where).toBeNull();
  expect(shown.match(/^step +100000/gm), where).toBeNull();
  expect(/x{501}/.exec(shown), where).toBeNull();
}

it("a member's texts look like no line of Coxswain's and fill nothing, while the run goes on", async () => {
  const folder = temporaryFolder();
  const output = join(folder, "out");
  const run = smallRun({
    training: { max_steps: 100_000, lr_scheduler_type: "constant" },
    telemetry: { http: "127.0.0.1:0" },
  });
  const coordinator = new CoxswainProcess(["coordinator", writeRun(folder, run)], { env });
  const [, port, httpPort] = await coordinator.until(
    /listening on 127\.0\.0\.1:(\d+), metrics on http:\/\/127\.0\.0\.1:(\d+)/,
  );
  const worker = new CoxswainProcess(["worker", "--coordinator", `127.0.0.1:${port}`, "--http", "none"], { env });
  await coordinator.until(/^step +2\//m);
  const before = stepLines(output).length;

  await flood(Number(port), 100);
  const page = await (await fetch(`http://127.0.0.1:${httpPort}/live.json`)).text();
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const committed = stepLines(output).length;
  expect(committed).toBeGreaterThan(before);
  await coordinator.until(new RegExp(`^step +${committed + 2}/`, "m"));
  coordinator.signal("SIGINT");
  const { stdout, stderr } = await coordinator.finished;
  await worker.finished;

  expectHarmless(stdout, "stdout");
  expectHarmless(stderr, "stderr");
  for (const name of ["events.jsonl", "metrics.jsonl"]) expectHarmless(readFileSync(join(output, name), "utf8"), name);
  for (const name of readdirSync(join(output, "logs")))
    expectHarmless(readFileSync(join(output, "logs", name), "utf8"), name);
  expectHarmless(page, "/live.json");
  expectHarmless(metrics, "/metrics");
  // Records of one instant, and those of some seconds: see MemberBudget.
  expect(statSync(join(output, "events.jsonl")).size).toBeLessThan(8_000_000);
  expect(page.length).toBeLessThan(1_000_000);
  expect(metrics.length).toBeLessThan(1_000_000);
  const honest = eventLines(output).filter(({ worker: id }) => typeof id === "string" && !id.startsWith("member-"));
  expect(honest.map(({ event }) => event)).not.toContain("worker_lost");
});
