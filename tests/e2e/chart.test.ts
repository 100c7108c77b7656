/**
 * What the chart renders starts a run that finishes: the pods' commands, with their environment, user and volumes, as
 * processes of this machine in namespaces of their own. What a cluster adds to pods (scheduling, probes, restarts) is not
 * part of it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeContainers } from "../support/containers/container.js";
import type { Container } from "../support/containers/container.js";
import { layOutImage } from "../support/containers/image.js";
import type { Image } from "../support/containers/image.js";
import { ContainerNetwork, whyNoContainers } from "../support/containers/network.js";
import { startPod } from "../support/containers/pod.js";
import type { PodSpec, Surroundings } from "../support/containers/pod.js";
import { chart, render, whyNoHelm } from "../support/helm.js";
import type { Manifest } from "../support/helm.js";
import { temporaryFolder } from "../support/processes.js";
import { stepLines } from "../support/runs.js";

interface Workload extends Manifest {
  readonly spec: { readonly template: { readonly spec: PodSpec }; readonly parallelism: number };
}

const skipped = whyNoContainers() || whyNoHelm;

describe.skipIf(skipped !== "")(`the chart's pods${skipped}`, () => {
  let image: Image;
  let network: ContainerNetwork;

  beforeAll(async () => {
    [image, network] = await Promise.all([layOutImage(temporaryFolder()), ContainerNetwork.open()]);
  }, 300_000);

  afterAll(async () => {
    await removeContainers();
    network.close();
  });

  /** Starts what a release's StatefulSet and Job would. */
  function startRelease(words: readonly string[], secrets: Readonly<Record<string, Record<string, string>>> = {}) {
    const manifests = render(["--values", join(chart, "examples", "quickstart.yaml"), ...words]);
    const find = (kind: string, name?: string): Manifest =>
      manifests.find((each) => each.kind === kind && (name === undefined || each.metadata.name === name))!;
    const around: Surroundings = {
      image,
      network,
      configMap: (name) => find("ConfigMap", name)["data"] as Record<string, string>,
      secret: (name) => secrets[name] ?? decoded(find("Secret", name)["data"] as Record<string, string>),
      claims: new Map(),
    };
    const coordinator = (): Container =>
      startPod(
        {
          spec: (find("StatefulSet") as Workload).spec.template.spec,
          names: [find("Service").metadata.name],
          more: ["--set=data.eval=null"],
          templates: { output: "output" },
        },
        around,
      );
    const { template, parallelism } = (find("Job") as Workload).spec;
    const workers = (): Container[] =>
      Array.from({ length: parallelism }, () => startPod({ spec: template.spec }, around));
    return { coordinator, workers, output: () => join(around.claims.get("output")!, "run") };
  }

  it("train to the end, also when the coordinator is moved to another node in between", async () => {
    const { coordinator, workers, output } = startRelease([
      "--set",
      "run.training.max_steps=12,run.training.logging_steps=1",
    ]);
    const first = coordinator();
    await first.until(/listening on/);
    const pods = workers();
    await first.until(/step +3\/12/);
    first.signal("SIGTERM");
    expect((await first.finished).code).toBe(130);
    // What the Job's policy ignores, and answers with another pod.
    for (const pod of pods) expect((await pod.finished).code).toBe(130);

    const second = coordinator();
    await second.until(/going on after step/);
    const others = workers();
    await second.until(/the run is over \(completed\)/);
    for (const pod of others) expect((await pod.finished).code).toBe(0);
    expect(stepLines(output()).map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    expect(existsSync(join(output(), "adapter", "adapter_model.safetensors"))).toBe(true);
    second.signal("SIGTERM");
    expect((await second.finished).code).toBe(0);
  });

  it("train with certificates on both sides", async () => {
    const words = [
      "--set",
      "run.training.max_steps=2",
      "--set",
      "tls.enabled=true,tls.mutual=true,tls.existingSecret=ours",
    ];
    const { coordinator, workers, output } = startRelease(words, { ours: certificate("demo-coxswain-coordinator") });
    const leader = coordinator();
    await leader.until(/listening on/);
    const pods = workers();
    await leader.until(/the run is over \(completed\)/);
    for (const pod of pods) expect((await pod.finished).code).toBe(0);
    expect(stepLines(output())).toHaveLength(2);
  });
});

const decoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));

/** A Secret's content, as cert-manager would write it: a certificate of an authority that signed this one alone. */
function certificate(name: string): Record<string, string> {
  const folder = temporaryFolder();
  const openssl = (words: string): void =>
    void execFileSync("openssl", words.split(" "), { cwd: folder, stdio: "ignore" });
  const key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  writeFileSync(join(folder, "names.txt"), `subjectAltName=DNS:${name}\n`);
  openssl(`req -x509 ${key} -days 2 -subj /CN=authority -keyout ca.key -out ca.crt`);
  openssl(`req -new ${key} -subj /CN=${name} -keyout tls.key -out tls.csr`);
  openssl("x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names.txt -out tls.crt");
  return Object.fromEntries(
    ["ca.crt", "tls.crt", "tls.key"].map((file) => [file, readFileSync(join(folder, file), "utf8")]),
  );
}
