/** A connection to the run that a command was given, for as long as the command needs it. */
import { hostname, userInfo } from "node:os";
import type { RemoteRun } from "../control/index.js";
import type { ControlFlags } from "./control-options.js";
import { locateRun } from "./locate-run.js";

/** Finds the run, does something with it, and hangs up whatever comes of it. */
export async function withRun<T>(
  run: string | undefined,
  flags: ControlFlags,
  act: (remote: RemoteRun) => Promise<T>,
): Promise<T> {
  const located = await locateRun(run, flags);
  const { connectRun } = await import("../control/index.js");
  const remote = await connectRun({ ...located, caller: callerName() });
  try {
    return await act(remote);
  } finally {
    remote.close();
  }
}

/** "user@host", as far as the system knows them. */
function callerName(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container may run as a number that no name belongs to.
    return hostname();
  }
}
