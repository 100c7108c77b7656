/**
 * Creates the streams, the bucket and the consumer if they do not exist. Existing ones are used as they are: the
 * server's operator decides on their limits (`nats stream edit`), and nothing here changes them.
 */
import { AckPolicy, DiscardPolicy, NatsError, RetentionPolicy, StorageType, nanos } from "nats";
import type { JetStreamManager, KV, NatsConnection, StreamConfig } from "nats";
import { explainJetStream } from "./explain.js";
import { coordinatorsBucket, eventStream, queueStream, serversConsumer } from "./subjects.js";

const mebibyte = 1 << 20;
const minute = 60_000;
const day = 24 * 60 * minute;

/** Deduplication window, ms: longer than most server outages. */
const duplicateWindow = 60 * minute;

type Limits = Partial<StreamConfig> & { readonly name: string };

const eventLimits: Limits = {
  ...eventStream,
  subjects: [...eventStream.subjects],
  description: "Events of Coxswain runs",
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  max_age: nanos(7 * day),
  max_bytes: 256 * mebibyte,
  duplicate_window: nanos(duplicateWindow),
};

/** A full queue rejects new runs: submitted runs are never dropped. A name belongs to one run until that is over. */
const queueLimits: Limits = {
  ...queueStream,
  subjects: [...queueStream.subjects],
  description: "Coxswain runs that wait for a server",
  storage: StorageType.File,
  retention: RetentionPolicy.Workqueue,
  discard: DiscardPolicy.New,
  max_msgs_per_subject: 1,
  discard_new_per_subject: true,
  max_bytes: 32 * mebibyte,
  duplicate_window: nanos(duplicateWindow),
};

/** A run without a sign of life for this long is given to another server of the queue, ms. */
export const serverPatience = 15_000;

/** Lease duration of an announcement, ms. */
export const leaseTime = 15_000;

/** @throws CoxswainError "network" */
export const ensureEventStream = (connection: NatsConnection): Promise<JetStreamManager> =>
  ensure(connection, eventLimits, "events cannot be stored");

/** @throws CoxswainError "network" */
export const ensureQueueStream = (connection: NatsConnection): Promise<JetStreamManager> =>
  ensure(connection, queueLimits, "the queue of runs cannot be used");

/**
 * The bucket, to write to.
 * @throws CoxswainError "network"
 */
export async function ensureCoordinators(connection: NatsConnection): Promise<KV> {
  try {
    return await connection.jetstream().views.kv(coordinatorsBucket, {
      history: 1,
      ttl: leaseTime,
      storage: StorageType.File,
      max_bytes: 4 * mebibyte,
      description: "Addresses of Coxswain coordinators",
      // Read from the leader: a replica may not have the newest coordinator yet.
      allow_direct: false,
    });
  } catch (error) {
    throw explainJetStream(error, "workers cannot find this run");
  }
}

/**
 * The bucket, for reading. A bucket that does not exist reads as empty.
 * @throws CoxswainError "network"
 */
export async function openCoordinators(connection: NatsConnection): Promise<KV> {
  try {
    return await connection.jetstream().views.kv(coordinatorsBucket, { bindOnly: true });
  } catch (error) {
    throw explainJetStream(error, "coordinators cannot be found");
  }
}

/** One consumer for all servers: each run goes to one of them. */
export async function ensureConsumer(manager: JetStreamManager): Promise<void> {
  const consumers = await manager.consumers.list(queueStream.name).next();
  if (consumers.some(({ name }) => name === serversConsumer)) return;
  await manager.consumers.add(queueStream.name, {
    durable_name: serversConsumer,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(serverPatience),
    max_deliver: -1,
  });
}

/** JetStream's error code for a missing stream. */
const streamNotFound = 10_059;

async function ensure(connection: NatsConnection, limits: Limits, what: string): Promise<JetStreamManager> {
  try {
    const manager = await connection.jetstreamManager();
    try {
      await manager.streams.info(limits.name);
    } catch (error) {
      if (!(error instanceof NatsError) || error.api_error?.err_code !== streamNotFound) throw error;
      // Concurrent creators create the same.
      await manager.streams.add(limits);
    }
    return manager;
  } catch (error) {
    throw explainJetStream(error, what);
  }
}
