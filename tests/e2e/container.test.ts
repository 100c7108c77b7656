/**
 * The image as somebody runs it: its files, user, environment, paths and commands, on a root file system that cannot be
 * written, as `deploy/docker/Dockerfile`, `deploy/compose.yaml` and the Helm chart say it. Not theirs are the base image,
 * in whose place is this machine's /usr, and what a cluster adds to pods: scheduling, probes, restarts.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { certificateSecret } from "../support/certificate.js";
import { readCompose } from "../support/containers/compose.js";
import { Container, removeContainers, volume } from "../support/containers/container.js";
import { layOutImage } from "../support/containers/image.js";
import type { Image } from "../support/containers/image.js";
import { ContainerNetwork, whyNoContainers } from "../support/containers/network.js";
import { Release } from "../support/containers/release.js";
import { whyNoHelm } from "../support/helm.js";
import { natsServerProgram, skippedWithoutNats } from "../support/nats-server.js";
import { projectFolder, temporaryFolder } from "../support/processes.js";
import { stepLines } from "../support/runs.js";

const skipped = whyNoContainers();

describe.skipIf(skipped !== "")(`the image${skipped}`, () => {
  let image: Image;
  let network: ContainerNetwork;

  beforeAll(async () => {
    [image, network] = await Promise.all([layOutImage(temporaryFolder()), ContainerNetwork.open()]);
  }, 300_000);

  afterAll(async () => {
    await removeContainers();
    network.close();
  });

  it("prints the help when no command is given", async () => {
    const { code, stdout } = await new Container({ image, network }).finished;
    expect(stdout).toMatch(/^Usage: coxswain/);
    expect(code).toBe(0);
  });

  it("has no development tools, and only the libraries of its own system", () => {
    const modules = join(image.root, "opt", "coxswain", "node_modules");
    for (const name of ["typescript", "vitest", "eslint"]) expect(existsSync(join(modules, name)), name).toBe(false);
    const runtime = join(modules, "onnxruntime-node", "bin", "napi-v6");
    expect(existsSync(join(runtime, "linux", process.arch))).toBe(true);
    expect(existsSync(join(runtime, "win32", "x64"))).toBe(false);
  });

  it("ends immediately on SIGTERM, also before the first step", async () => {
    const output = volume();
    const command = ["coordinator", "/opt/coxswain/examples/quickstart/run.yaml", "--set=output_dir=/output"];
    const container = new Container({ image, network, command, mounts: [`${output}:/output`] });
    await container.until(/listening on/);
    container.signal("SIGTERM");
    expect((await container.finished).code).toBe(130);
  });

  it("names the folder that cannot be written", async () => {
    const command = ["coordinator", "/opt/coxswain/examples/quickstart/run.yaml"];
    const { code, stderr } = await new Container({ image, network, command }).finished;
    expect(stderr).toMatch(/output_dir: .* cannot be written to.*\nhint: .*\(output_dir\)/);
    expect(code).toBe(6);
  });

  it("trains the composed run to its end, and is healthy while it runs", async () => {
    const { services, volumes } = readCompose({ COXSWAIN_TOKEN: "a-secret-of-the-run" });
    const folders = new Map(volumes.map((name) => [name, volume()]));
    const start = (name: string, ...more: string[]): Container => {
      const { command, environment, mounts } = services.get(name)!;
      return new Container({
        image,
        network,
        names: [name],
        command: [...command, ...more],
        environment,
        mounts: mounts.map(({ source, target, mode }) => `${folders.get(source) ?? source}:${target}:${mode}`),
      });
    };
    // The composed run, but not all of it.
    const coordinator = start("coordinator", "--set=training.max_steps=3", "--set=data.eval=null");
    await coordinator.until(/listening on 0\.0\.0\.0:7070/);
    const workers = [start("worker"), start("worker")];
    await coordinator.until(/the run is completed after step 3; waiting for SIGTERM/);
    for (const worker of workers) {
      const { code, stderr } = await worker.finished;
      expect(code).toBe(0);
      // ONNX Runtime sends its makers nothing, and does not even say that it could not.
      expect(stderr).not.toMatch(/telemetry/i);
    }
    const output = folders.get("output")!;
    expect(stepLines(output).map(({ workers: count }) => count)).toEqual([2, 2, 2]);
    expect(existsSync(join(output, "adapter", "adapter_model.safetensors"))).toBe(true);

    expect((await coordinator.execute(image.settings.healthCheck)).code).toBe(0);
    const asked = await coordinator.execute([...image.settings.entrypoint, "status", "/output", "--json"]);
    expect(JSON.parse(asked.stdout)).toMatchObject({ step: 3 });
    // One that comes when all is done is sent home.
    expect((await start("worker").finished).code).toBe(0);
    coordinator.signal("SIGTERM");
    expect((await coordinator.finished).code).toBe(0);
    expect(coordinator.stdout).toContain("the adapter is in /output/adapter");
  });

  describe.skipIf(whyNoHelm !== "")(`in the chart's pods${whyNoHelm}`, () => {
    const completed = /the run is completed after step \d+; waiting for SIGTERM/;

    it("train to the end when the coordinator moves to another node", async () => {
      const set = ["run.training.max_steps=12", "run.training.logging_steps=1"];
      const release = new Release({ image, network, set });
      const first = release.coordinator();
      await first.until(/listening on/);
      const pods = release.workers();
      await first.until(/step +3\/12/);
      first.signal("SIGTERM");
      expect((await first.finished).code).toBe(130);
      const second = release.coordinator();
      await second.until(/continuing after step/);
      await second.until(completed);
      // They waited for it.
      for (const pod of pods) expect((await pod.finished).code).toBe(0);
      expect(stepLines(release.output).map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, at) => at + 1));
      expect(existsSync(join(release.output, "adapter", "adapter_model.safetensors"))).toBe(true);
    });

    it.skipIf(skippedWithoutNats !== "")(`answer status by the run's name over NATS${skippedWithoutNats}`, async () => {
      const server = new Container({
        ...{ image, network, names: ["nats"], mounts: [`${natsServerProgram}:/server/nats-server:ro`] },
        entrypoint: ["/server/nats-server", "-js", "-sd", "/tmp", "--user", "ann", "--pass", "a-secret-of-the-run"],
        command: [],
      });
      await server.until(/Server is ready/);
      const set = ["nats.url=nats://nats:4222", "nats.auth=password", "nats.user=ann", "nats.existingSecret=login"];
      const release = new Release({ image, network, set, secrets: { login: { password: "a-secret-of-the-run" } } });
      const coordinator = release.coordinator();
      await coordinator.until(/listening on/);
      const words = ["status", "--nats", "nats://nats:4222", "--nats-user", "ann", "--run", "demo-coxswain", "--json"];
      await vi.waitFor(
        async () => {
          const { stdout, stderr } = await coordinator.execute([...image.settings.entrypoint, ...words]);
          expect(stderr).toBe("");
          expect(JSON.parse(stdout)).toMatchObject({ total_steps: 250, state: "waiting" });
        },
        { timeout: 60_000 },
      );
    });

    it("train with certificates on both sides", async () => {
      const set = ["run.training.max_steps=2", "tls.enabled=true", "tls.mutual=true", "tls.existingSecret=ours"];
      const secrets = { ours: certificateSecret("demo-coxswain-coordinator") };
      const release = new Release({ image, network, set, secrets });
      const coordinator = release.coordinator();
      await coordinator.until(/listening on/);
      const pods = release.workers();
      await coordinator.until(completed);
      for (const pod of pods) expect((await pod.finished).code).toBe(0);
      expect(stepLines(release.output)).toHaveLength(2);
    });
  });

  it("is unhealthy when nothing is served", async () => {
    const container = new Container({ image, network, entrypoint: image.settings.healthCheck, command: [] });
    const { code, stdout } = await container.finished;
    expect(stdout).toContain("http://127.0.0.1:9464/healthz: connect ECONNREFUSED");
    expect(code).toBe(1);
  });
});

it("the images are labelled with the program's version", () => {
  const { version } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as { version: string };
  const dockerfile = readFileSync(join(projectFolder, "deploy", "docker", "Dockerfile"), "utf8");
  expect(dockerfile).toContain(`ARG VERSION=${version}\n`);
});
