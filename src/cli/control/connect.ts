/** A connection to the run that a command was given, for as long as the command needs it. */
import { hostname, userInfo } from "node:os";
import type { RemoteRun } from "../../control/index.js";
import { CoxswainError } from "../../errors.js";
import type { ControlFlags } from "../options/control.js";
import { locateRun } from "./locate-run.js";
import { checkRunName, natsSettings } from "../options/nats.js";

/** Finds the run, and connects to it. @returns what its owner closes @throws CoxswainError where it cannot be found */
export function reachRun(run: string | undefined, flags: ControlFlags): Promise<RemoteRun> {
  return flags.run === undefined ? reachByAddress(run, flags) : reachByName(run, flags.run, flags);
}

/** Finds the run, does something with it, and hangs up whatever comes of it. */
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

/** @throws CoxswainError "usage" where the run is given in another way, too */
async function reachByName(run: string | undefined, name: string, flags: ControlFlags): Promise<RemoteRun> {
  const other = run ?? flags.coordinator;
  if (other !== undefined)
    throw new CoxswainError("usage", `both --run ${name} and ${other} are given`, { hint: "Give one of them." });
  const [checked, settings] = [await checkRunName(name), await natsSettings(flags)];
  const { connectNatsRun } = await import("../../nats/index.js");
  return connectNatsRun({ settings, run: checked, caller: callerName() });
}

/** "user@host", as far as the system knows them. */
export function callerName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a number that no name belongs to.
    return hostname();
  }
}
