/** The `Control` service: checks callers, forwards requests, and converts errors. Makes no decisions itself. */
import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { detach } from "../async/index.js";
import { CoxswainError } from "../errors.js";
import { protocolVersion } from "../rpc/index.js";
import type { ControlHandlers, ControlRequestOutput, RunStatusMessage } from "../rpc/index.js";
import { version } from "../version.js";
import { checkShowable, hostOfPeer, stopReason } from "./caller.js";
import { errorStatus } from "./error-status.js";
import { statusMessage } from "./messages.js";
import { Places } from "./places.js";
import type { RunControl } from "./run-control.js";
import type { RunStatus } from "./run-status.js";
import { watchStatus } from "./watch-status.js";

/** Maximum number of concurrent Watch calls, and of concurrent Checkpoint calls. */
const callsAllowed = 32;

export function controlHandlers(control: RunControl): ControlHandlers {
  const watching = new Places(callsAllowed);
  const waiting = new Places(callsAllowed);
  return {
    Status: (call, callback) => steer(call, callback, () => Promise.resolve(control.status())),
    Pause: (call, callback) => steer(call, callback, (caller) => control.pause(caller)),
    Resume: (call, callback) => steer(call, callback, (caller) => control.resume(caller)),
    Stop: (call, callback) => steer(call, callback, (caller) => control.stop(stopReason(caller))),
    Checkpoint: (call, callback) =>
      answer(call, callback, () => {
        const leave = waiting.enter();
        return control.checkpoint().finally(leave);
      }),
    Watch: (call) => {
      let leave: () => void;
      try {
        checkCaller(call);
        leave = watching.enter();
      } catch (error) {
        call.emit("error", errorStatus(error));
        return;
      }
      const end = watchStatus(control, (now, last) => {
        // A slow reader gets fewer updates, but always the last.
        if (last || !call.writableNeedDrain) call.write(statusMessage(now));
        if (last) call.end();
      });
      call.once("close", () => {
        end();
        leave();
      });
    },
  };
}

type Call = ServerUnaryCall<ControlRequestOutput, unknown>;

/** Answers with the run's status after `act`. */
function steer(
  call: Call,
  callback: sendUnaryData<RunStatusMessage>,
  act: (caller: string) => Promise<RunStatus>,
): void {
  answer(call, callback, async (caller) => statusMessage(await act(caller)));
}

/** Answers with the result of `act`, or its error. */
function answer<Answer>(call: Call, callback: sendUnaryData<Answer>, act: (caller: string) => Promise<Answer>): void {
  const answered = new Promise<Answer>((resolve) => resolve(act(checkCaller(call))));
  detach(
    answered.then((given) => callback(null, given)),
    (error) => callback(errorStatus(error)),
  );
}

/**
 * A client generated from the schema alone sends no version and no name: its address is used as the name.
 * @returns the name; @throws CoxswainError "cluster" for another version, "usage" for a name that is not printable
 */
function checkCaller(call: Pick<Call, "request" | "getPeer">): string {
  const { protocolVersion: theirs, softwareVersion, caller } = call.request;
  checkShowable(caller);
  checkShowable(softwareVersion, "version");
  if (theirs !== 0 && theirs !== protocolVersion)
    throw new CoxswainError(
      "cluster",
      `the coordinator is Coxswain ${version} (protocol ${protocolVersion}), the caller ${softwareVersion} (protocol ${theirs})`,
      { hint: "Install the same version on both sides." },
    );
  return caller.trim() === "" ? hostOfPeer(call.getPeer()) : caller;
}
