/** What a kubelet reports of a pod with one container, as the fields of its `status`. Pure. */
import type { KubernetesObject } from "./api.js";

export interface Pod extends KubernetesObject {
  readonly spec: {
    readonly nodeName: string;
    readonly restartPolicy: "Always" | "Never" | "OnFailure";
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status: {
    readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

/** How a container ended: an exit code, as a shell has it (137 for SIGKILL). */
export interface Ended {
  readonly exitCode: number;
  readonly startedAt: string;
  readonly finishedAt: string;
}

export interface Running {
  readonly address: string;
  readonly startedAt: string;
  /** The startup probe has succeeded. */
  readonly started: boolean;
  readonly ready: boolean;
  readonly restarts: number;
  /** The container before this one. */
  readonly before?: Ended | undefined;
}

const conditions = (types: readonly string[], holds: boolean): object[] =>
  types.map((type) => ({ type, status: holds ? "True" : "False" }));

function containerOf(pod: Pod, fields: object): object[] {
  const [container] = pod.spec.containers;
  return [{ name: container!.name, image: container!.image, imageID: "", ...fields }];
}

const terminated = (ended: Ended): object => ({
  terminated: { ...ended, reason: ended.exitCode === 0 ? "Completed" : "Error" },
});

export function runningStatus(pod: Pod, running: Running): object {
  const { address, startedAt, started, ready, restarts, before } = running;
  return {
    phase: "Running",
    podIP: address,
    podIPs: [{ ip: address }],
    startTime: startedAt,
    conditions: [...conditions(["Initialized"], true), ...conditions(["ContainersReady", "Ready"], ready)],
    containerStatuses: containerOf(pod, {
      ready,
      started,
      restartCount: restarts,
      state: { running: { startedAt } },
      ...(before === undefined ? {} : { lastState: terminated(before) }),
    }),
  };
}

/** Of a pod whose container is not started again. */
export function endedStatus(pod: Pod, ended: Ended, restarts: number): object {
  return {
    phase: ended.exitCode === 0 ? "Succeeded" : "Failed",
    conditions: conditions(["ContainersReady", "Ready"], false),
    containerStatuses: containerOf(pod, {
      ready: false,
      started: false,
      restartCount: restarts,
      // A merge would keep the state that it is no longer in.
      state: { running: null, ...terminated(ended) },
    }),
  };
}
