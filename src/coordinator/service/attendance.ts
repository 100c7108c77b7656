/**
 * Handles a worker's control stream from its first message to its end: admission, messages and departure. The caller
 * has already been authenticated by its token. Does not depend on gRPC.
 */
import { detach } from "../../async/index.js";
import type { Timer } from "../../clock.js";
import { CoxswainError, messageOf } from "../../errors.js";
import { stepNumber } from "../../ids.js";
import { ownRelease, releaseProblem } from "../../rpc/index.js";
import type { JoinOutput, ReadyOutput, WorkerMessageOutput } from "../../rpc/index.js";
import type { Departure } from "../../telemetry/index.js";
import { version } from "../../version.js";
import { textFromOutside } from "../../visible-text.js";
import { joinProblem, readReadiness } from "./bounds.js";
import type { Readiness } from "./bounds.js";
import { nameOf } from "./engine-rule.js";
import type { ServiceOptions } from "./options.js";
import type { ControlCall, ControlListener } from "./transport.js";
import { WorkerSession } from "./worker-session.js";
import { eventOf, nodeOf } from "./worker-event.js";

/** Time limit for a caller's join message, ms. */
const joinTimeout = 10_000;

export function attendCall(call: ControlCall, options: ServiceOptions): ControlListener {
  let session: WorkerSession | undefined;
  /** Messages after the end are ignored: one of them could be a second join. */
  let ended = false;
  const deadline = options.clock.after(joinTimeout, () => {
    ended = true;
    call.refuse("late", "no join");
  });
  /** The worker waits for its turn to join. */
  let turn: Timer | undefined;
  const over = (reason: string, how?: Departure): void => {
    deadline.cancel();
    turn?.cancel();
    ended = true;
    if (session !== undefined && options.conductor.session(session.id) === session)
      options.conductor.dismiss(session.id, textFromOutside(reason), how);
    session = undefined;
  };
  const listen = (message: WorkerMessageOutput): void => {
    if (ended) return;
    if (session === undefined) {
      deadline.cancel();
      if (turn !== undefined) return;
      const wait = message.join ? options.entrance.wait() : 0;
      const enter = (): void => {
        session = join(call, message, options);
        ended = session === undefined;
      };
      if (wait === 0) enter();
      else turn = options.clock.after(wait, enter);
    } else if (options.conductor.session(session.id) !== session) ended = true;
    else if (message.leaving) over(message.leaving.reason, "drained");
    else onMessage(call, session, message, options);
  };
  return { message: listen, ended: over };
}

function join(call: ControlCall, message: WorkerMessageOutput, options: ServiceOptions): WorkerSession | undefined {
  const refusal = message.join ? refusalOf(message.join, options) : "the first message must be a join";
  if (refusal !== undefined || !message.join) {
    call.refuse("unfit", refusal ?? "the first message must be a join");
    return undefined;
  }
  const { farewell } = options.conductor;
  if (farewell !== undefined) {
    call.send({ finish: farewell });
    call.end();
    return undefined;
  }
  const full = options.entrance.refusal(options.conductor.workers().length);
  if (full !== undefined) {
    options.onTurnedAway?.();
    call.refuse("full", full);
    return undefined;
  }
  const session = new WorkerSession(call, message.join, options.clock);
  options.conductor.admit(session);
  session.keepAlive(options.silenceTimeout);
  session.send({
    welcome: {
      runId: options.runId,
      runConfig: options.runConfig,
      model: { hash: options.model.hash, files: [...options.model.files] },
      modelPath: options.modelPath,
      silenceTimeoutMs: options.silenceTimeout,
      runDigest: options.runDigest,
      sessionKey: session.key,
    },
  });
  return session;
}

function refusalOf(join: JoinOutput, { conductor }: ServiceOptions): string | undefined {
  const { softwareVersion: software, protocolVersion: protocol } = join;
  const problem = releaseProblem(ownRelease(version), { software, protocol }) ?? joinProblem(join);
  if (problem !== undefined) return problem;
  if (conductor.isPutOut(join)) return "this process computed wrong sums in this run: check its machine";
  if (conductor.session(join.workerId) !== undefined) return `a worker with the id ${join.workerId} already takes part`;
  return undefined;
}

function onMessage(
  call: ControlCall,
  session: WorkerSession,
  message: WorkerMessageOutput,
  options: ServiceOptions,
): void {
  const { conductor } = options;
  // Only the first ready message counts: each one would open a connection to the worker.
  if (message.ready && session.isReady) conductor.dispatch({ type: "heard", worker: session.id });
  else if (message.ready) onReady(call, session, message.ready, options);
  else if (message.failed) {
    const [what, hint] = [textFromOutside(message.failed.message), textFromOutside(message.failed.hint)];
    options.onFailure(session, new CoxswainError(errorCode(message.failed.code), what, hint === "" ? {} : { hint }));
    conductor.dismiss(session.id, what);
  } else {
    conductor.dispatch(eventOf(session.id, message));
    if (message.contribution) session.sums.announced(message.contribution.step, nodeOf(message.contribution));
  }
}

function onReady(call: ControlCall, session: WorkerSession, ready: ReadyOutput, options: ServiceOptions): void {
  const { conductor } = options;
  session.isReady = true;
  const readiness = admit(ready, options);
  if (typeof readiness === "string") {
    call.refuse("unfit", readiness);
    return;
  }
  session.computation = readiness;
  options.onReady(session, readiness);
  const { replica } = ready;
  const takeIn = async (): Promise<void> => {
    await options.reach(session);
    conductor.dispatch({
      type: "ready",
      worker: session.id,
      reachable: !session.pushes,
      kind: nameOf(readiness),
      replica: replica === null ? undefined : { step: stepNumber(replica.step), hash: replica.stateHash },
    });
  };
  // The worker may retry; the run continues with the other workers.
  detach(takeIn(), (error) =>
    call.refuse("internal", `the coordinator could not take this worker in: ${messageOf(error)}`),
  );
}

/** Checks whether a worker that has opened the model can take part. @returns the reason, as text, if it cannot */
function admit(ready: ReadyOutput, { layoutFingerprint, conductor }: ServiceOptions): Readiness | string {
  if (ready.layoutFingerprint !== layoutFingerprint)
    return "the worker's layout of LoRA tensors differs: install the same version on both";
  const readiness = readReadiness(ready);
  return typeof readiness === "string" ? readiness : (conductor.engines.admit(readiness) ?? readiness);
}

/** Accepts only the error kinds that a worker can encounter; any other code is an internal error. */
function errorCode(code: string): "model" | "config" | "network" | "storage" | "machine" | "bug" {
  return code === "model" || code === "config" || code === "network" || code === "storage" || code === "machine"
    ? code
    : "bug";
}
