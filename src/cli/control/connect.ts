/** Connects a command to its run, and closes the connection when the command is done. */
import { hostname, userInfo } from "node:os";
import type { RemoteRun } from "../../control/index.js";
import { CoxswainError } from "../../errors.js";
import type { ControlFlags } from "../options/control.js";
import { locateRun } from "./locate-run.js";
import { checkRunName, natsSettings } from "../options/nats.js";

/** Finds the run and connects to it; the caller closes the result. @throws CoxswainError if it cannot be found */
export function reachRun(run: string | undefined, flags: ControlFlags): Promise<RemoteRun> {
  return flags.run === undefined ? reachByAddress(run, flags) : reachByName(run, flags.run, flags);
}

/** Connects to the run, calls `act`, and always closes the connection. */
export async function withRun<T>(
  run: string | undefined,
  flags: ControlFlags,
  act: (remote: RemoteRun) => Promise<T>,
): Promise<T> {
  const remote = await reachRun(run, flags);
  try {
    return await act(remote);
  } finally {
    remote.close();
  }
}

async function reachByAddress(run: string | undefined, flags: ControlFlags): Promise<RemoteRun> {
  const located = await locateRun(run, flags);
  const { connectRun } = await import("../../control/index.js");
  return connectRun({ ...located, caller: callerName() });
}

/** @throws CoxswainError "usage" if the run is also given in another way */
async function reachByName(run: string | undefined, name: string, flags: ControlFlags): Promise<RemoteRun> {
  const other = run ?? flags.coordinator;
  if (other !== undefined)
    throw new CoxswainError("usage", `both --run ${name} and ${other} are given`, { hint: "Give one of them." });
  const [checked, settings] = [await checkRunName(name), await natsSettings(flags)];
  const { connectNatsRun } = await import("../../nats/index.js");
  return connectNatsRun({ settings, run: checked, caller: callerName() });
}

/** "user@host", or the host alone if the user has no name. */
export function callerName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a user ID that has no name.
    return hostname();
  }
}
