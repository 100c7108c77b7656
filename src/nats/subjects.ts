/** The names of everything that Coxswain has on a NATS server: subjects, streams, buckets. Pure; docs/nats.md lists them. */
import type { EventName } from "../telemetry/index.js";

/** What can be asked of a run, as the commands are called; "watch" is what `status --watch` asks. */
export const verbs = ["status", "pause", "resume", "stop", "checkpoint", "watch"] as const;
export type Verb = (typeof verbs)[number];

/** What the queue says of a run that was submitted. */
export type QueueEvent = "submitted" | "taken" | "finished" | "stopped" | "rejected" | "returned";

/** "run_started" is told on `coxswain.RUN.events.started`, "worker_joined" on `coxswain.RUN.events.worker.joined`. */
export const eventSubject = (run: string, event: EventName | "step"): string =>
  `coxswain.${run}.events.${event.replace(/^run_/, "").replaceAll("_", ".")}`;

export const queueEventSubject = (run: string, event: QueueEvent): string => `coxswain.${run}.events.queue.${event}`;

export const controlSubject = (run: string, verb: Verb | "*"): string => `coxswain.${run}.control.${verb}`;

/** The verb of a control subject; undefined where it is none. */
export const verbOf = (subject: string): Verb | undefined => verbs.find((verb) => subject.endsWith(`.control.${verb}`));

/** Where a run waits for a server; "*" for all. Three tokens, so that it is in no run's events and no run's control. */
export const queueSubject = (run: string): string => `coxswain.queue.${run}`;

export const eventStream = { name: "coxswain_events", subjects: ["coxswain.*.events.>"] } as const;
export const queueStream = { name: "coxswain_queue", subjects: [queueSubject("*")] } as const;
/** The consumer that all servers of the queue share. */
export const serversConsumer = "servers";
/** The bucket in which coordinators are found, by the run's name. */
export const coordinatorsBucket = "coxswain_coordinators";
