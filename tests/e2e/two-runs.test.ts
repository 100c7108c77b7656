/** Two runs on one machine, and ports that are taken. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PrivateNetwork, canIsolateNetwork } from "../support/namespaces.js";
import { temporaryFolder, writeRun } from "../support/processes.js";
import { goldenFolder } from "../support/runs.js";

const golden = join(goldenFolder, "llama");

/** A run that says nothing of where it listens. */
function runFile(folder: string, name: string, more: object = {}): string {
  const run = {
    model: join(golden, "model"),
    output_dir: name,
    data: { train: join(golden, "train.jsonl") },
    lora: { r: 4 },
    training: { max_steps: 2, global_batch_size: 8, micro_batch_size: 4 },
    ...more,
  };
  return writeRun(folder, run, `${name}.yaml`);
}

const whereIsolated = canIsolateNetwork ? describe : describe.skip;
const needs = canIsolateNetwork ? "" : " (needs Linux with user namespaces, util-linux and iproute2)";

whereIsolated(`on the default ports${needs}`, () => {
  it("two runs that start together both train, each on its own ports, and print them", async () => {
    const network = await PrivateNetwork.open();
    const folder = temporaryFolder();
    const first = network.coxswain(["coordinator", runFile(folder, "first")]);
    const second = network.coxswain(["coordinator", runFile(folder, "second")]);
    const addresses = await Promise.all(
      [first, second].map(async (run) =>
        (await run.until(/listening on (\S+), metrics on http:\/\/(\S+)\/metrics/)).slice(1),
      ),
    );
    expect(addresses.map(([listen]) => listen).sort()).toEqual(["127.0.0.1:7070", "127.0.0.1:7071"]);
    expect(addresses.map(([, http]) => http).sort()).toEqual(["127.0.0.1:9464", "127.0.0.1:9465"]);
    const said = first.stdout + second.stdout;
    expect(said).toContain("127.0.0.1:7070 is taken by another run of Coxswain; this run takes 127.0.0.1:7071");
    expect(said).toMatch(
      /127\.0\.0\.1:9464 is taken by another run of Coxswain \((first|second)\); this run takes 127\.0\.0\.1:9465/,
    );

    // Who looks for a run by its folder finds the port that it really has; so do its workers.
    for (const [index, name] of ["first", "second"].entries()) {
      const status = await network.coxswain(["status", join(folder, name), "--json"]).finished;
      expect((JSON.parse(status.stdout) as { output_dir: string }).output_dir).toBe(join(folder, name));
      const worker = network.coxswain(["worker", "--coordinator", addresses[index]![0]!, "--http", "none"]);
      expect((await worker.finished).code).toBe(0);
    }
    expect((await Promise.all([first.finished, second.finished])).map(({ code }) => code)).toEqual([0, 0]);
  });

  it("a resumed run takes the port that it had before", async () => {
    const network = await PrivateNetwork.open();
    const folder = temporaryFolder();
    const other = network.coxswain(["coordinator", runFile(folder, "other")]);
    await other.until(/listening on 127\.0\.0\.1:7070/);
    const file = runFile(folder, "mine");
    const mine = network.coxswain(["coordinator", file]);
    await mine.until(/listening on 127\.0\.0\.1:7071/);
    mine.signal("SIGKILL");
    other.signal("SIGKILL");
    await Promise.all([mine.finished, other.finished]);
    const again = network.coxswain(["coordinator", file, "--resume"]);
    expect((await again.until(/listening on (\S+), metrics on http:\/\/(\S+)\/metrics/)).slice(1)).toEqual([
      "127.0.0.1:7071",
      "127.0.0.1:9465",
    ]);
  });

  it.each([
    [7070, "cluster.listen: the port of 127.0.0.1:7070 is in use"],
    [9464, "telemetry.http: port 9464 of 127.0.0.1:9464 is in use"],
  ])("a run names another program's port %i before the data are read", async (port, message) => {
    const network = await PrivateNetwork.open();
    const folder = temporaryFolder();
    // One that says nothing is the worst case: it has to be waited for.
    const script = `require("node:net").createServer(() => undefined).listen(${port}, "127.0.0.1", () => console.log("ready"))`;
    await network.start(process.execPath, ["-e", script]).until(/ready/);
    const { code, stderr, stdout } = await network.coxswain(["train", runFile(folder, "mine")]).finished;
    expect(stderr).toContain(message);
    expect(stdout).not.toContain("reading the data");
    expect(code).toBe(5);
  });

  it("a port from the run file or a flag is not replaced by a free one", async () => {
    const network = await PrivateNetwork.open();
    const folder = temporaryFolder();
    await network.coxswain(["coordinator", runFile(folder, "first")]).until(/listening on/);
    const chosen = runFile(folder, "chosen", { cluster: { listen: "127.0.0.1:7070" }, telemetry: { http: null } });
    const byFile = await network.coxswain(["train", chosen]).finished;
    const byFlag = await network.coxswain(["train", runFile(folder, "flag"), "--set", "telemetry.http=127.0.0.1:9464"])
      .finished;
    expect(byFile.stderr).toContain("cluster.listen: the port of 127.0.0.1:7070 is in use");
    expect(byFlag.stderr).toContain("telemetry.http: port 9464 of 127.0.0.1:9464 is in use");
    expect([byFile.code, byFlag.code]).toEqual([5, 5]);
  });
});
