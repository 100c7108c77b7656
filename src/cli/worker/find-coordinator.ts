/** Finds the coordinator for a worker: by an address, or by the run's name over NATS. */
import { fixedCoordinator } from "../../worker/index.js";
import type { CoordinatorLocator } from "../../worker/index.js";
import { checkFindFlags, checkRunName, natsSettings, type FindFlags } from "../options/nats.js";

export type OpenLocator = CoordinatorLocator & { close(): Promise<void> };

/** @throws CoxswainError "usage" unless exactly one of the two is given, and errors from connecting to NATS */
export async function findCoordinator(flags: FindFlags): Promise<OpenLocator> {
  checkFindFlags(flags);
  const { coordinator, run } = flags;
  if (coordinator !== undefined) return { ...fixedCoordinator(coordinator), close: () => Promise.resolve() };
  const name = await checkRunName(run ?? "");
  const settings = await natsSettings(flags);
  const { CoordinatorFinder } = await import("../../nats/index.js");
  return CoordinatorFinder.open(name, settings);
}
