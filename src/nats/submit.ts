/** Puts a run into the queue. */
import { NatsError } from "nats";
import type { NatsConnectionSettings } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { openConnection } from "./connection.js";
import { explainJetStream } from "./explain.js";
import { hangUp } from "./link.js";
import { ensureEventStream, ensureQueueStream } from "./streams.js";
import { queueEventSubject, queueSubject } from "./subjects.js";
import type { Submission } from "./submission.js";

/** JetStream's error code for a subject with its maximum number of messages. */
const subjectIsFull = 10_077;

/**
 * Resolves once the server has stored it.
 * @throws CoxswainError "network" if there is no queue, "cluster" if it already has a run of that name
 */
export async function submitRun(settings: NatsConnectionSettings, submission: Submission): Promise<void> {
  const { id, run, submitted_at: time, submitted_by: by } = submission;
  const connection = await openConnection(settings, `submits ${run}`);
  try {
    await ensureEventStream(connection);
    const stream = (await ensureQueueStream(connection)).jetstream();
    const told = JSON.stringify({ run, event: "queue_submitted", time, submission: id, by });
    await stream.publish(queueSubject(run), JSON.stringify(submission), { msgID: id });
    // It is in the queue: a failed event is no reason to submit it again.
    await stream
      .publish(queueEventSubject(run, "submitted"), told, { msgID: `${id}:submitted` })
      .catch(() => undefined);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== subjectIsFull)
      throw explainJetStream(error, `${run} cannot be submitted`);
    throw new CoxswainError("cluster", `a run named ${run} is already queued or running`, {
      hint: "Choose another name (--run), or wait for that run: its events are on coxswain.<run>.events.>.",
    });
  } finally {
    await hangUp(connection);
  }
}
