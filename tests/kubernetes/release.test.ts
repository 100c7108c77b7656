import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { whyNoContainers } from "../support/containers/network.js";
import { whyNoHelm } from "../support/helm.js";
import { Cluster } from "../support/kubernetes/cluster.js";
import { customResources, whyNoKubernetes } from "../support/kubernetes/control-plane.js";
import { projectFolder } from "../support/processes.js";

const skipped = whyNoKubernetes || whyNoHelm || whyNoContainers();

describe.skipIf(skipped !== "")(`a release of the chart on a cluster${skipped}`, () => {
  let cluster: Cluster;
  beforeAll(async () => {
    console.time("cluster");
    cluster = await Cluster.start();
    console.timeEnd("cluster");
  }, 300_000);
  afterAll(() => cluster?.close());

  it("smoke", async () => {
    const { controlPlane } = cluster;
    console.log((await controlPlane.shell(`kubectl apply --server-side -f ${customResources}`)).stdout);
    await controlPlane.restrictedNamespace("training");
    await cluster.provide("one");
    console.log(await controlPlane.objectsIn("training"));
    console.log(await controlPlane.shell(`helm install demo deploy/helm/coxswain --namespace training --values deploy/helm/coxswain/examples/quickstart.yaml --set run.training.max_steps=5 --set run.data.eval=null --wait --timeout 60s`, projectFolder));
    console.log((await controlPlane.shell("kubectl -n training get all,pvc,pv,pdb -o wide; kubectl get nodes; kubectl -n training get events")).stdout);
    await controlPlane.api.until("/apis/batch/v1/namespaces/training/jobs", (jobs: any) => { console.log(JSON.stringify(jobs.map((j: any) => j.status))); return jobs[0]?.status?.succeeded === 2 });
    console.log(cluster.container("demo-coxswain-coordinator-0").stdout);
    console.log(await controlPlane.objectsIn("training"));
  }, 120_000);
});
