/**
 * Releases of the chart on a cluster: Kubernetes' own API server, controllers and scheduler; what a node does is played
 * (`Kubelet`), by running what the pods say. Not seen here: a container engine, NetworkPolicies at work, operators
 * (Prometheus, cert-manager) whose resources are checked and stored, and answered by nobody.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { whyNoContainers } from "../support/containers/network.js";
import { chart, examples, whyNoHelm } from "../support/helm.js";
import type { KubernetesObject } from "../support/kubernetes/api.js";
import { Cluster } from "../support/kubernetes/cluster.js";
import type { ControlPlane } from "../support/kubernetes/control-plane.js";
import { customResources, whyNoKubernetes } from "../support/kubernetes/control-plane.js";
import { documentedCommands } from "../support/kubernetes/documented.js";
import type { Pod } from "../support/kubernetes/pod-status.js";
import { coxswain, projectFolder, temporaryFolder, writeRun } from "../support/processes.js";
import { adapterBytes, stepLines } from "../support/runs.js";

const skipped = whyNoKubernetes || whyNoHelm || whyNoContainers();
const quickstart = join(chart, "examples", "quickstart.yaml");

interface Job extends KubernetesObject {
  readonly spec: { readonly completions: number };
  readonly status: {
    readonly succeeded?: number;
    readonly failed?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  };
}

const has = (job: Job, condition: string): boolean =>
  job.status.conditions?.some(({ type, status }) => type === condition && status === "True") === true;

describe.skipIf(skipped !== "")(`a release of the chart on a cluster${skipped}`, () => {
  let cluster: Cluster;
  let plane: ControlPlane;

  beforeAll(async () => {
    cluster = await Cluster.start();
    plane = cluster.controlPlane;
    await succeeds(`kubectl create -f ${customResources}`);
  });

  afterAll(() => cluster.close());

  /** Runs a user's command from the project's folder. @returns what it printed */
  async function succeeds(line: string): Promise<string> {
    const { code, stdout, stderr } = await plane.shell(line, projectFolder);
    // kubectl and helm pass on what admission warns of, as pods that Pod Security would refuse.
    expect(stderr, line).toBe("");
    expect(code, line).toBe(0);
    return stdout;
  }

  /** The quickstart, as a release in a namespace of its name. */
  const install = (release: string, ...set: string[]): Promise<string> => {
    const sets = ["run.data.eval=null", ...set].map((each) => `--set ${each}`);
    return succeeds(`helm install ${release} ${chart} --namespace ${release} --values ${quickstart} ${sets.join(" ")}`);
  };

  /** Waits for a Job of the namespace. */
  async function untilJob(namespace: string, is: (job: Job) => boolean): Promise<Job> {
    const jobs = await plane.api.until<Job>(`/apis/batch/v1/namespaces/${namespace}/jobs`, (all) => all.some(is));
    return jobs.find(is)!;
  }

  /** Waits for a pod that runs. */
  async function untilRunning(
    namespace: string,
    selector: string,
    is: (pod: Pod) => boolean = () => true,
  ): Promise<Pod> {
    const fits = (pod: Pod): boolean =>
      pod.status.phase === "Running" && pod.metadata.deletionTimestamp === undefined && is(pod);
    const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`;
    const pods = await plane.api.until<Pod>(path, (all) => all.some(fits));
    return pods.find(fits)!;
  }

  it("trains the first run of docs/kubernetes.md to its end, and leaves nothing after its removal", async () => {
    const [first, last] = [documentedCommands("helm install demo"), documentedCommands("helm uninstall demo")];
    await plane.restrictedNamespace("training");
    const output = await cluster.provide("first");
    const line = first.find((each) => each.startsWith("helm install"))!;
    await succeeds(`${line} --set run.training.max_steps=4 --set run.data.eval=null --wait --timeout 60s`);
    await untilJob("training", (job) => has(job, "Complete"));
    expect(stepLines(join(output, "run")).map(({ workers }) => workers)).toEqual([2, 2, 2, 2]);
    expect(existsSync(join(output, "run", "adapter", "adapter_model.safetensors"))).toBe(true);

    const claim = "persistentvolumeclaim/output-demo-coxswain-coordinator-0";
    const [uninstall, deleteClaim] = last.filter((each) => !each.startsWith("kubectl -n training cp"));
    await succeeds(uninstall!);
    expect(await plane.leftIn("training", [claim])).toEqual([claim]);
    await succeeds(deleteClaim!);
    expect(await plane.leftIn("training", [])).toEqual([]);
  });

  it("trains the adapter of a run on one machine while its pods are evicted, killed and moved", async () => {
    await plane.restrictedNamespace("moved");
    const output = await cluster.provide("moved");
    const run = ["run.training.max_steps=80", "run.training.logging_steps=1", "run.cluster.min_workers=1"];
    await install("moved", "worker.count=1", ...run);
    const first = await untilRunning("moved", "app.kubernetes.io/component=coordinator", isReady);
    await cluster.container(first).until(/step +3\/80/);
    const token = "kubectl -n moved get secret moved-coxswain-token -o jsonpath={.data.token}";
    const before = await succeeds(token);

    // More workers: the same Job, which has more indexes, and the same token.
    const scale = (count: number): Promise<string> =>
      succeeds(`helm upgrade moved ${chart} --namespace moved --reuse-values --set worker.count=${count}`);
    await scale(3);
    await cluster.container(first).until(/3 workers/);
    const jobs = await plane.api.list<Job>("/apis/batch/v1/namespaces/moved/jobs");
    expect(jobs.map(({ spec }) => spec.completions)).toEqual([3]);
    expect(await succeeds(token)).toBe(before);

    // A worker that crashes counts as a failure of its index, one that is evicted for nothing: others take their places.
    const worker = (index: number, is?: (pod: Pod) => boolean): Promise<Pod> =>
      untilRunning("moved", `batch.kubernetes.io/job-completion-index=${index}`, is);
    const [crashing, evicted] = await Promise.all([worker(0), worker(1)]);
    await Promise.all([cluster.container(crashing).remove(), evict(evicted)]);
    // The Job waits for ten seconds.
    await steer(first, "pause");
    await worker(1, ({ metadata }) => metadata.uid !== evicted.metadata.uid);
    const failures = "batch.kubernetes.io/job-index-failure-count";
    await worker(0, ({ metadata }) => metadata.annotations?.[failures] === "1");
    await steer(first, "resume");

    // The coordinator is nobody's to evict. Somebody moves it by hand: it goes on where it was, and workers wait for it.
    await expect(evict(first)).rejects.toMatchObject({ status: 429 });
    await succeeds("kubectl -n moved delete pod moved-coxswain-coordinator-0");
    const second = await untilRunning("moved", "app.kubernetes.io/component=coordinator", isReady);
    await cluster.container(second).until(/continuing after step/);
    await cluster.container(second).until(/3 workers/);

    // Fewer workers: those that go hand over what they have.
    await scale(1);
    const job = await untilJob("moved", (each) => has(each, "Complete"));
    expect(job.status).toMatchObject({ succeeded: 1, failed: 1 });
    expect(adapterBytes(join(output, "run")).equals(await reference(run))).toBe(true);
  });

  it("fails immediately on an error that every worker would have", async () => {
    await plane.restrictedNamespace("hopeless");
    await cluster.provide("hopeless");
    // A GPU that the node promises and that is not there.
    await install("hopeless", "worker.gpu.count=1", "worker.count=1", "run.cluster.min_workers=1");
    const job = await untilJob("hopeless", (each) => has(each, "Failed"));
    expect(job.status.conditions).toContainEqual(
      expect.objectContaining({ type: "Failed", reason: "PodFailurePolicy" }),
    );
    expect(job.status.failed).toBe(1);
  });

  it("starts after an upgrade that corrects its coordinator", async () => {
    await plane.restrictedNamespace("mended");
    const output = await cluster.provide("mended");
    const environment = "coordinator.extraEnv[0]";
    const wrong = [`${environment}.name=NODE_OPTIONS`, `${environment}.value=--no-such-option`];
    await install("mended", ...wrong, "run.training.max_steps=2", "worker.count=1", "run.cluster.min_workers=1");
    const crashing = await untilRunning("mended", "app.kubernetes.io/component=coordinator", isRestarted);
    await cluster.container(crashing).until(/--no-such-option is not allowed/);
    await succeeds(`helm upgrade mended ${chart} --namespace mended --reuse-values --set-json coordinator.extraEnv=[]`);
    await untilJob("mended", (job) => has(job, "Complete"));
    expect(stepLines(join(output, "run"))).toHaveLength(2);
  });

  it("stays stopped until its coordinator is restarted, and then trains with new workers", async () => {
    await plane.restrictedNamespace("stopped");
    await cluster.provide("stopped");
    await install("stopped", "run.training.max_steps=1000", "worker.count=1", "run.cluster.min_workers=1");
    const first = await untilRunning("stopped", "app.kubernetes.io/component=coordinator");
    await cluster.container(first).until(/step +\d+\/1000/);
    await steer(first, "stop");
    await cluster.container(first).until(/the run is stopped after step \d+; waiting for SIGTERM/);
    const jobs = () => plane.api.list<Job>("/apis/batch/v1/namespaces/stopped/jobs");
    const before = await jobs();
    expect(before.map(({ status }) => status.failed ?? 0)).toEqual([0]);

    await succeeds(
      `helm upgrade stopped ${chart} --namespace stopped --reuse-values --set worker.podLabels.colour=blue`,
    );
    await succeeds("kubectl -n stopped delete pod stopped-coxswain-coordinator-0");
    const second = await untilRunning("stopped", "app.kubernetes.io/component=coordinator");
    await cluster.container(second).until(/continuing after step \d+[^]*step +\d+\/1000/);
    const after = await jobs();
    expect(after).toHaveLength(1);
    expect(after[0]!.metadata.name).not.toBe(before[0]!.metadata.name);
  });

  it("follows an external number of workers, which wait when the run is complete, and leaves only the kept volume", async () => {
    await plane.restrictedNamespace("scaled");
    await cluster.provide("scaled");
    const deployment = ["worker.kind=Deployment", "worker.count=null", "run.cluster.min_workers=1"];
    await install("scaled", ...deployment, "run.training.max_steps=20", "coordinator.persistence.retain=false");
    await succeeds("kubectl -n scaled scale deployment scaled-coxswain-worker --replicas=2");
    const pod = await untilRunning("scaled", "app.kubernetes.io/component=coordinator");
    await cluster.container(pod).until(/2 workers[^]*the run is completed after step 20/);
    const workers = await plane.api.until<Pod>(
      "/api/v1/namespaces/scaled/pods?labelSelector=app.kubernetes.io/component=worker",
      (pods) => pods.length === 2 && pods.every(isReady),
    );
    expect(workers.map(({ status }) => status.containerStatuses?.[0]?.restartCount)).toEqual([0, 0]);
    await succeeds("helm uninstall scaled --namespace scaled");
    expect(await plane.leftIn("scaled", [])).toEqual([]);
  });

  it.each(examples)("is accepted by the API server with examples/%s, without unknown fields", async (name) => {
    const namespace = `example-${name.replace(".yaml", "")}`;
    await plane.restrictedNamespace(namespace);
    const rendered = `helm template demo ${chart} --namespace ${namespace} --values ${join(chart, "examples", name)}`;
    await succeeds(`${rendered} | kubectl -n ${namespace} create --dry-run=server --validate=strict -f -`);
  });

  it("is refused by Pod Security where docs say so", async () => {
    await plane.restrictedNamespace("on-the-host");
    const rendered = `helm template demo ${chart} --values ${quickstart} --set cache.type=hostPath`;
    const { stderr } = await plane.shell(`${rendered} | kubectl -n on-the-host create --dry-run=server -f -`);
    expect(stderr).toMatch(/would violate PodSecurity "restricted:latest": restricted volume types/);
  });

  /** As by `kubectl exec`. */
  async function steer(coordinator: Pod, verb: string): Promise<void> {
    const words = ["node", "/opt/coxswain/dist/cli/main.js", verb, "/output/run"];
    const { code, stderr } = await cluster.container(coordinator).execute(words);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  }

  async function evict({ metadata: { name, namespace = "" } }: Pod): Promise<void> {
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
    await plane.api.create(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, eviction);
  }
});

const isRestarted = ({ status }: Pod): boolean => (status.containerStatuses?.[0]?.restartCount ?? 0) > 0;

const isReady = ({ status }: Pod): boolean => status.containerStatuses?.[0]?.ready === true;

/** The adapter of the chart's quickstart, trained by one process of this machine. */
async function reference(set: readonly string[]): Promise<Buffer> {
  const folder = temporaryFolder();
  const values = readFileSync(quickstart, "utf8").replaceAll("/opt/coxswain/", projectFolder);
  const { run } = parse(values) as { run: { data: { eval?: string } } };
  delete run.data.eval;
  const sets = set.map((each) => `--set=${each.replace("run.", "")}`);
  const { code, stderr } = await coxswain(["train", writeRun(folder, { ...run, output_dir: "out" }), ...sets]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return adapterBytes(join(folder, "out"));
}
