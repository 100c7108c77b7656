/** A real run that untrusted peers attack ends with the bits of an undisturbed one. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { clientOf, frame, healthCheck, http2Session, joinOf, rawCall, rawSocket } from "../support/hostile.js";
import { CoxswainProcess, coxswain, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, eventLines, smallRun } from "../support/runs.js";
import { withToken } from "../../src/rpc/index.js";

const token = "9a7f3c";

const run = smallRun({
  training: { max_steps: 12, global_batch_size: 12, micro_batch_size: 2, learning_rate: 0.01 },
});

/** One round of everything that needs no token, and a member that talks nonsense. */
async function disturb(port: number, round: number): Promise<void> {
  const socket = await rawSocket(port);
  socket.write(Buffer.from(Array.from({ length: 2048 }, (_, index) => (index * (round + 7) * 31) % 251)));
  const session = http2Session(port);
  for (let index = 0; index < 30; index++)
    rawCall(session, "/coxswain.v1.Coordinator/Attend", { authorization: `Bearer ${index}` }).end(
      frame(Buffer.alloc(100_000), 0xffff_ffff),
    );
  const client = clientOf(port);
  const member = client.attend(withToken(token));
  member.on("error", () => undefined).on("data", () => undefined);
  member.write(joinOf(`mallory-${round}`));
  member.write({ applied: { step: 2 ** 53, stateHash: "x" } });
  member.write({ contribution: { step: 1, first: 1, count: 2 } });
  member.write({
    computed: { task: "TASK_TRAIN", step: 1, shard: 0, lossSum: Number.NaN, supervisedTokens: 1, seconds: 0 },
  });
  expect(await healthCheck(port)).toBeLessThan(10_000);
  client.close();
  session.destroy();
  socket.destroy();
}

it("a run ends with the same adapter while untrusted peers send garbage", async () => {
  const plain = temporaryFolder();
  expect((await coxswain(["train", writeRun(plain, run)])).code).toBe(0);

  const folder = temporaryFolder();
  const coordinator = new CoxswainProcess(["coordinator", writeRun(folder, run)], { env: { COXSWAIN_TOKEN: token } });
  const [, address] = await coordinator.until(/listening on (127\.0\.0\.1:\d+)/);
  const port = Number(address!.split(":")[1]);
  for (let round = 0; round < 5; round++) await disturb(port, round);
  const worker = new CoxswainProcess(["worker", "--coordinator", address!, "--token", token, "--http", "none"]);
  await coordinator.until(/step +1\/12/);
  let over = false;
  void Promise.race([coordinator.finished, worker.finished]).then(() => (over = true));
  for (let round = 5; !over; round++) {
    await disturb(port, round).catch(async (error: unknown) => {
      // Only the last round may find nobody there any more.
      const isLast = /step +12\/12/.test(coordinator.stdout);
      await coordinator.finished;
      if (!isLast) throw error;
    });
  }
  expect((await worker.finished).code).toBe(0);
  expect((await coordinator.finished).code).toBe(0);
  expect(eventLines(join(folder, "out")).map(({ event }) => event)).not.toContain("replica_resynchronised");
  expect(adapterBytes(join(folder, "out")).equals(adapterBytes(join(plain, "out")))).toBe(true);
});
