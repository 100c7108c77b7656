/**
 * Which releases may compute one run together. A protocol number says that messages are understood, not that the same is
 * computed: engines, kernels and the order of sums may change from one minor release to the next, and with them the last
 * bits. The rule stands in proto/coxswain/v1/coxswain.proto, "Releases". Pure.
 */
import { protocolVersion } from "./proto.js";

/** What a side says of itself when it joins. */
export interface Release {
  readonly software: string;
  readonly protocol: number;
}

/** Why a worker of a release cannot take part, naming both; undefined where it can. */
export function releaseProblem(coordinator: Release, worker: Release): string | undefined {
  if (worker.protocol === coordinator.protocol && isCompatible(coordinator.software, worker.software)) return undefined;
  const named = ({ software, protocol }: Release): string => `Coxswain ${software} (protocol ${protocol})`;
  return `the coordinator is ${named(coordinator)}, the worker ${named(worker)}; install the same version on both`;
}

/** Of this process. @param software its version */
export const ownRelease = (software: string): Release => ({ software, protocol: protocolVersion });

/** The same MAJOR.MINOR; what is not yet released (0.2.0-beta.1), or no version, only with itself. */
function isCompatible(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((version) => /^(\d+\.\d+)\.\d+(?:\+[\w.-]+)?$/.exec(version)?.[1]);
  return first !== undefined && first === second;
}
