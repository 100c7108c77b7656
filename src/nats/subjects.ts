/** The names that Coxswain uses on a NATS server: subjects, streams, buckets. Pure; docs/nats.md lists them. */
import type { EventName } from "../telemetry/index.js";

/** Control requests, named like the commands; "watch" is for `status --watch`. */
export const verbs = ["status", "pause", "resume", "stop", "checkpoint", "watch"] as const;
export type Verb = (typeof verbs)[number];

/** Queue events of a submitted run. */
export type QueueEvent = "submitted" | "taken" | "finished" | "stopped" | "rejected" | "returned";

/**
 * "run_started" is published on `coxswain.RUN.events.started`, "worker_joined" on `coxswain.RUN.events.worker.joined`.
 */
export const eventSubject = (run: string, event: EventName | "step"): string =>
  `coxswain.${run}.events.${event.replace(/^run_/, "").replaceAll("_", ".")}`;

export const queueEventSubject = (run: string, event: QueueEvent): string => `coxswain.${run}.events.queue.${event}`;

export const controlSubject = (run: string, verb: Verb | "*"): string => `coxswain.${run}.control.${verb}`;

/** The verb of a control subject; undefined if it is not one. */
export const verbOf = (subject: string): Verb | undefined => verbs.find((verb) => subject.endsWith(`.control.${verb}`));

/** The subject of a queued run; "*" for all. Three tokens, so that it matches no run's events or control subjects. */
export const queueSubject = (run: string): string => `coxswain.queue.${run}`;

export const eventStream = { name: "coxswain_events", subjects: ["coxswain.*.events.>"] } as const;
export const queueStream = { name: "coxswain_queue", subjects: [queueSubject("*")] } as const;
/** The consumer that all servers of the queue share. */
export const serversConsumer = "servers";
/** The bucket in which coordinators are found, by the run's name. */
export const coordinatorsBucket = "coxswain_coordinators";
