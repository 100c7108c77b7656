/**
 * The worker's own gRPC server: serves its sums and its replica to the coordinator and the other workers, which have the
 * key. Independent of where the vectors come from.
 */
import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import type { Metadata } from "@grpc/grpc-js";
import { detach } from "../../async/index.js";
import { SharedChunks, isWithin, vectorBytes, vectorChunks } from "../../collective/index.js";
import type { Chunk, VectorRange } from "../../collective/index.js";
import { shardIndex } from "../../ids.js";
import type {
  OwnCertificate,
  PullAnswer,
  PullContributionOutput,
  PullRequestOutput,
  PullSliceOutput,
  Refusal,
  RunningServer,
  WorkerHandlers,
} from "../../rpc/index.js";
import {
  PullServer,
  largestRequest,
  listen,
  metadataKeys,
  ownCertificate,
  ownServerCredentials,
  refuse,
  sendReplica,
  workerService,
} from "../../rpc/index.js";
import type { DataServer, Served } from "../transport.js";

/** Listens until it is closed. */
export type OpenDataServer = DataServer & { close(): Promise<void> };

/** Maximum number of replicas sent concurrently: each is a copy, and only the coordinator requests one, once. */
const replicasAtOnce = 2;

export interface DataServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether to use TLS, with a certificate of its own. */
  readonly tls: boolean;
}

/** @throws CoxswainError "network" if it cannot listen on the address */
export async function startDataServer({ tls, ...address }: DataServerOptions): Promise<OpenDataServer> {
  const own: OwnCertificate | null = tls ? ownCertificate() : null;
  const key = randomBytes(24).toString("hex");
  let served: Served | undefined;
  const vectors = new Vectors();
  const pulls = new PullServer();
  /** The data for a caller of the same run; the key has been checked before. */
  const admit = (metadata: Metadata): Served | Refusal => {
    const [run] = metadata.get(metadataKeys.run);
    if (served === undefined)
      return { code: status.NOT_FOUND, details: "this worker is not part of a run at the moment" };
    if (run === served.runId) return served;
    const details =
      run === undefined
        ? `the call names no run (${metadataKeys.run})`
        : `this worker takes part in another run than ${String(run)}`;
    return { code: status.FAILED_PRECONDITION, details };
  };
  const server: RunningServer = await listen({
    ...address,
    credentials: ownServerCredentials(own),
    services: [{ name: "coxswain.v1.Worker", definition: workerService, handlers: handlersOf(admit, pulls, vectors) }],
    token: key,
    refusal: "wrong key",
    largestMessage: largestRequest,
    addressKey: "--listen",
  });
  const serve = (now: Served | undefined): void => {
    served = now;
    vectors.clear();
  };
  const close = (): Promise<void> => {
    serve(undefined);
    pulls.close();
    return server.close();
  };
  return { port: server.port, key, certificate: own?.certificate ?? new Uint8Array(), serve, close };
}

function handlersOf(
  admit: (metadata: Metadata) => Served | Refusal,
  pulls: PullServer,
  vectors: Vectors,
): WorkerHandlers {
  let replicas = 0;
  return {
    Pull: (call) => {
      const admitted = admit(call.metadata);
      if ("code" in admitted) {
        refuse(call, admitted.code, admitted.details);
        return;
      }
      // The stream outlives what is served when it is opened.
      const served = pulls.serve(call, (request) => {
        const now = admit(call.metadata);
        return "code" in now ? { refusal: now.details } : vectors.answer(request, now);
      });
      detach(served, (error) => call.destroy(error instanceof Error ? error : new Error(String(error))));
    },
    PullReplica: (call) => {
      const admitted = admit(call.metadata);
      if ("code" in admitted) {
        refuse(call, admitted.code, admitted.details);
        return;
      }
      if (replicas >= replicasAtOnce) {
        refuse(call, status.RESOURCE_EXHAUSTED, "the replica is already being sent");
        return;
      }
      const replica = admitted.replica();
      if (replica === undefined) {
        refuse(call, status.NOT_FOUND, "this worker has no replica yet");
        return;
      }
      replicas++;
      // A caller that has gone needs no answer.
      const end = (): void => {
        replicas--;
        call.end();
      };
      detach(sendReplica(call, replica).then(end), end);
    },
  };
}

/** Finds the vector of a request. */
class Vectors {
  readonly #shared = new SharedChunks();

  answer({ contribution, slice }: PullRequestOutput, served: Served): PullAnswer {
    if (contribution != null) return this.#contribution(contribution, served);
    if (slice != null) return this.#slice(slice, served);
    return { refusal: "the request names nothing" };
  }

  clear(): void {
    this.#shared.clear();
  }

  #contribution({ step, first, count, ...range }: PullContributionOutput, served: Served): PullAnswer {
    const whole = served.contribution(step, { first: shardIndex(first), count });
    if (whole === undefined) return { refusal: `no sum of shards ${first}+${count} of step ${step}` };
    if (!isWithin(range, whole.length)) return outOfRange(range);
    const vector = whole.subarray(range.offset, range.offset + range.length);
    return give(vector, served, vectorChunks(vector, served.dtype));
  }

  #slice({ step, ...range }: PullSliceOutput, served: Served): PullAnswer {
    if (!isWithin(range, Number.MAX_SAFE_INTEGER)) return outOfRange(range);
    const { offset, length } = range;
    const vector = served.slice(step, offset, length);
    if (vector === undefined) return { refusal: `elements ${offset}+${length} of step ${step} are not here` };
    return give(
      vector,
      served,
      this.#shared.of(step, offset, vector, () => vectorChunks(vector, served.dtype)),
    );
  }
}

function give(vector: Float32Array, served: Served, chunks: Iterable<Chunk>): PullAnswer {
  served.onSent(vectorBytes(vector.length, served.dtype));
  return { chunks, release: served.hold(vector) };
}

const outOfRange = ({ offset, length }: VectorRange): PullAnswer => ({
  refusal: `elements ${offset}+${length} are not part of the vector`,
});
